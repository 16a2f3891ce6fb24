"""Finding the daemon: whatever the environment holds, commands say that none answers."""

from __future__ import annotations

import pytest

from webhookd.cli import client
from webhookd.client.client_errors import NoDaemonError


@pytest.mark.parametrize(
    "environment",
    [
        {"WEBHOOKD_ADMIN_ADDRESS": f"unix:/there/is/none/{'a' * 120}/admin.sock"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "WEBHOOKD_ADMIN_TOKEN": "caf\u00e9"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "WEBHOOKD_ADMIN_TOKEN": "a\udcff"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "SSL_CERT_FILE": "/there/is/none"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "SSL_CERT_DIR": "/there/is/none"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "HTTP_PROXY": "nonsense://"},
    ],
)
def test_no_environment_breaks_the_search_for_a_daemon(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(NoDaemonError, match="is it running"):
        client.connect(None)
