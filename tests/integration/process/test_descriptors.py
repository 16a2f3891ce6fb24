"""How many descriptors the admin API may have of those of the process."""

import resource

import pytest

from webhookd.process import descriptors
from webhookd.process.descriptors import OWN_SLOTS
from webhookd.transport.pool import MOST_IDLE


@pytest.fixture
def limit():
    """Return what sets the limit, which is as before afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda soft: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(("soft", "connections"), [(256, 64), (400, 100), (1024, 100)])
def test_most_descriptors_are_kept_for_deliveries(limit, soft, connections):
    limit(soft)

    assert descriptors.admin_limits().connections == connections


def test_the_limit_is_raised_as_far_as_it_may(limit):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit(256)

    descriptors.raise_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, descriptors.MOST)


@pytest.mark.parametrize(
    ("soft", "in_flight", "idle"),
    [
        (65_536, 1_000, 1_000 + OWN_SLOTS),
        (65_536, 10, MOST_IDLE + OWN_SLOTS),
        (1_024, 1_000, 256),
        (256, 10, 64),
        (resource.RLIM_INFINITY, 5_000, 5_000 + OWN_SLOTS),
    ],
)
def test_idle_connections_are_as_many_as_attempts_within_a_share(
    monkeypatch, soft, in_flight, idle
):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))

    assert descriptors.idle_connections(in_flight) == idle
