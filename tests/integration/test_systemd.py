"""What is said to systemd, on a real notify socket."""

import os
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.supervisor import Supervisor
from webhookd import systemd


@pytest.mark.parametrize("is_abstract", [False, True])
def test_states_come_in_one_datagram(tmp_path, is_abstract):
    with Supervisor(tmp_path / "notify", is_abstract=is_abstract) as supervisor:
        systemd.notify(supervisor.environment, "READY=1", "STATUS=über alles gut")

        assert supervisor.messages == [["READY=1", "STATUS=über alles gut"]]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"NOTIFY_SOCKET": "/nobody/listens/here"},
        {"NOTIFY_SOCKET": "/" + 200 * "long"},
        {"NOTIFY_SOCKET": "@nobody-listens-here"},
    ],
)
def test_a_supervisor_that_does_not_listen_is_no_error(environment):
    systemd.notify(environment, "READY=1")


def test_a_supervisor_that_does_not_read_is_not_waited_for(tmp_path):
    with Supervisor(tmp_path / "notify") as supervisor:
        for _ in range(10_000):
            systemd.notify(supervisor.environment, "WATCHDOG=1")

        assert 0 < len(supervisor.messages) < 10_000


def test_only_an_address_that_is_understood_makes_the_process_supervised():
    assert systemd.is_supervised({"NOTIFY_SOCKET": "/run/systemd/notify"})
    assert systemd.is_supervised({"NOTIFY_SOCKET": "@abstract"})
    assert not systemd.is_supervised({"NOTIFY_SOCKET": "relative"})
    assert not systemd.is_supervised({})


@pytest.mark.parametrize(
    ("asked", "period"),
    [
        ("30000000", timedelta(seconds=15)),
        ("3", timedelta(microseconds=1)),
        ("1", None),
        ("0", None),
        ("-30", None),
        ("30s", None),
        ("", None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(asked, period):
    assert systemd.watchdog_period({"WATCHDOG_USEC": asked}) == period


def test_a_watchdog_of_another_process_is_not_ours_to_feed():
    asked = {"WATCHDOG_USEC": "30000000"}

    assert systemd.watchdog_period(asked | {"WATCHDOG_PID": str(os.getpid())}) is not None
    assert systemd.watchdog_period(asked | {"WATCHDOG_PID": str(os.getppid())}) is None
    assert systemd.watchdog_period(asked | {"WATCHDOG_PID": "nonsense"}) is None


@given(asked=st.text() | st.integers(0, 10**30).map(str))
def test_whatever_is_in_the_environment_the_period_is_none_or_a_length(asked):
    period = systemd.watchdog_period({"WATCHDOG_USEC": asked})

    assert period is None or period > timedelta()


def test_more_time_is_asked_for_in_microseconds():
    assert systemd.extension(timedelta(seconds=15)) == "EXTEND_TIMEOUT_USEC=15000000"
