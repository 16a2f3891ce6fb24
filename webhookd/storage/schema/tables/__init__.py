"""The tables. Every time is whole microseconds since 1970 (`times`), every length too."""

from webhookd.storage.schema.tables.common import METADATA
from webhookd.storage.schema.tables.deliveries import (
    ACTIVITY,
    ATTEMPTS,
    DELIVERIES,
    EXCHANGE_HEADS,
    LANES,
    META,
    STARTS,
    TOKEN_REQUESTS,
)
from webhookd.storage.schema.tables.fleet import DAEMONS, SHARES
from webhookd.storage.schema.tables.moments import MOMENTS, TIMERS
from webhookd.storage.schema.tables.records import (
    ARCHIVED_RECORDS,
    ASKED,
    BACKFILLS,
    BAD_ROWS,
    CHANGES,
    CHANGES_LEFT_OUT,
    CURSORS,
    ENROLLMENTS,
    FILES,
    KNOWN_RECORDS,
    SNAPSHOT_ROWS,
    SOURCES,
)

__all__ = [
    "ACTIVITY",
    "ARCHIVED_RECORDS",
    "ASKED",
    "ATTEMPTS",
    "BACKFILLS",
    "BAD_ROWS",
    "CHANGES",
    "CHANGES_LEFT_OUT",
    "CURSORS",
    "DAEMONS",
    "DELIVERIES",
    "ENROLLMENTS",
    "EXCHANGE_HEADS",
    "FILES",
    "KNOWN_RECORDS",
    "LANES",
    "META",
    "METADATA",
    "MOMENTS",
    "SHARES",
    "SNAPSHOT_ROWS",
    "SOURCES",
    "STARTS",
    "TIMERS",
    "TOKEN_REQUESTS",
]
