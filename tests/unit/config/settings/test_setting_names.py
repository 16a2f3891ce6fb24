"""The settings that commands read by themselves: as pydantic-settings reads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.settings import setting_names
from webhookd.config.settings.process_settings import Settings

VARIABLES = st.sampled_from(
    ["WEBHOOKD_ADMIN_ADDRESS", "webhookd_admin_address", "Webhookd_Admin_Address", "ADMIN_ADDRESS"]
)


@given(st.dictionaries(VARIABLES, st.sampled_from(["", "unix:/a", "unix:/b", " "])))
def test_a_command_and_the_daemon_read_the_same_variable(environment):
    settings = Settings.from_environment(environment)

    assert setting_names.written(environment, "admin_address") == settings.admin_address
