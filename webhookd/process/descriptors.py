"""The process's file descriptors: as many as it may have, most of them kept for deliveries.

Each attempt in flight has one, and who connects to the admin API without asking anything has one,
too. Without a limit there, a thousand of those would leave none for attempts.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Final

from webhookd.serving import ConnectionLimits
from webhookd.transport.pool import MOST_IDLE

MOST: Final = 65_536
"""As many as the units allow (LimitNOFILE)."""

ADMIN_CONNECTIONS: Final = 100
ADMIN_SHARE: Final = 4
"""The admin API gets one descriptor in so many, where there are few."""

IDLE_SHARE: Final = 4
"""Idle connections to receivers have one descriptor in so many at the most."""

OWN_SLOTS: Final = 2_000
"""Webhooks whose own attempt, beyond those that share slots, may find its connection kept."""

ADMIN_SECONDS: Final = 10.0

PUBLIC_LIMITS: Final = ConnectionLimits(connections=32, seconds=10.0)
"""What is allowed to those who connect to listeners that anybody may reach: wakes, metrics."""


def raise_limit() -> None:
    """Let the process have as many descriptors as it may, which shells set lower by custom."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def admin_limits() -> ConnectionLimits:
    """Return what the admin API allows those who connect to it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    share = ADMIN_CONNECTIONS if soft == resource.RLIM_INFINITY else soft // ADMIN_SHARE
    return ConnectionLimits(min(ADMIN_CONNECTIONS, share), ADMIN_SECONDS)


def idle_connections(max_in_flight: int) -> int:
    """Return how many connections are kept idle: one for each attempt that may be in flight.

    Those of webhooks' own slots come beside *max_in_flight*. All are closed after seconds.
    """
    wanted = max(max_in_flight, MOST_IDLE) + OWN_SLOTS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft // IDLE_SHARE)
