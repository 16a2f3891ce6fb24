"""The tables. Every time is whole microseconds since 1970 (`times`), every length too.

A pending delivery is one whose `due_at` is set; only those are in the index `due`, so that a
million settled deliveries cost the search for due ones nothing. Whether a pending delivery is
*held* is a matter of its lane's row alone.

`behind` says what the order of its record means for a delivery: empty where no order is kept, 0
for a record's first open one, 1 for those behind it. The last are in no search for due ones; they
are in `open_records`, which only lanes that keep an order pay for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

METADATA = MetaData()

# PostgreSQL compares as SQLite does: by code point, whatever the language of the database.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
# A row's number, and columns that hold one: SQLite counts rows by INTEGER only.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Return *condition* as that of a partial index of both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


META = Table(
    "meta",
    METADATA,
    Column("key", _TEXT, primary_key=True),
    Column("value", _TEXT, nullable=False),
)

LANES = Table(
    "lanes",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("webhook", _TEXT, nullable=False, unique=True),
    # Raised when waiting deliveries become due at once: those of an older epoch are due.
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    # Three independent reasons to hold; a lane is held while any of them is set.
    Column("paused_reason", _TEXT),
    Column("gone_reason", _TEXT),
    Column("absent_reason", _TEXT),
    Column("held_since", BigInteger),
    Column("held_total", BigInteger, nullable=False, server_default=text("0")),
    # A Retry-After of 429 or 503: nothing starts before.
    Column("quiet_until", BigInteger),
    # What the webhook's request was, to see that a new configuration changed it.
    Column("request_digest", _TEXT, nullable=False, server_default=text("''")),
    Column("target_digest", _TEXT, nullable=False, server_default=text("''")),
    # Whether a record's deliveries go out in order, and the number of the last delivery that was
    # brought in line with that; empty when all are (`ordering`).
    Column("is_ordered", Integer, nullable=False, server_default=text("0")),
    Column("ordered_upto", _NUMBER),
)

# Starts of rate-limited lanes, written before they happen; when exactly is known afterwards.
STARTS = Table(
    "starts",
    METADATA,
    Column("lane", Integer, nullable=False),
    Column("delivery_id", _TEXT, nullable=False),
    Column("started_at", BigInteger),
)
Index("starts_by_lane", STARTS.c.lane, STARTS.c.started_at)
Index("starts_by_delivery", STARTS.c.delivery_id)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", _TEXT, nullable=False, unique=True),
    Column("lane", Integer, nullable=False),
    Column("source", _TEXT, nullable=False),
    Column("object", _TEXT, nullable=False),
    Column("record_id", _TEXT, nullable=False),
    Column("change", _TEXT, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("behind", Integer),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("first_attempt_at", BigInteger),
    Column("held_before", BigInteger, nullable=False, server_default=text("0")),
    Column("last_status", Integer),
    Column("last_error", _TEXT),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("method", _TEXT, nullable=False),
    Column("content_type", _TEXT),
    Column("query", _TEXT, nullable=False),
    Column("body", LargeBinary),
    # Where newer changes take its place (`superseding`): whether a creation is part of what its
    # receiver was not told, the values before all of that, and since when; then who took it.
    Column("untold_new", Integer),
    Column("untold_previous", LargeBinary),
    Column("untold_since", BigInteger),
    Column("superseded_by", _TEXT),
)
Index(
    "due",
    DELIVERIES.c.lane,
    DELIVERIES.c.behind,
    DELIVERIES.c.epoch,
    DELIVERIES.c.due_at,
    sqlite_where=text("due_at IS NOT NULL AND behind IS NOT 1"),
).ddl_if("sqlite")
# The same of PostgreSQL, which does not see that what is empty is constant, and so would sort.
Index(
    "due_in_no_order",
    DELIVERIES.c.lane,
    DELIVERIES.c.epoch,
    DELIVERIES.c.due_at,
    postgresql_where=text("due_at IS NOT NULL AND behind IS NULL"),
).ddl_if("postgresql")
Index(
    "due_in_order",
    DELIVERIES.c.lane,
    DELIVERIES.c.epoch,
    DELIVERIES.c.due_at,
    postgresql_where=text("due_at IS NOT NULL AND behind = 0"),
).ddl_if("postgresql")
Index(
    "open_records",
    DELIVERIES.c.lane,
    DELIVERIES.c.source,
    DELIVERIES.c.object,
    DELIVERIES.c.record_id,
    DELIVERIES.c.number,
    DELIVERIES.c.behind,
    **_where("due_at IS NOT NULL AND behind IS NOT NULL"),
)
# What a retry by hand would overtake.
Index(
    "delivered_records",
    DELIVERIES.c.lane,
    DELIVERIES.c.source,
    DELIVERIES.c.object,
    DELIVERIES.c.record_id,
    DELIVERIES.c.number,
    **_where("state = 'delivered' AND behind IS NOT NULL"),
)
Index("settled", DELIVERIES.c.settled_at, **_where("settled_at IS NOT NULL"))
Index("failed", DELIVERIES.c.lane, **_where("state = 'failed'"))

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("delivery_id", _TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("status", Integer),
    Column("error", _TEXT),
    Column("answer", _TEXT, nullable=False),
    Column("config_hash", _TEXT, nullable=False),
    PrimaryKeyConstraint("delivery_id", "number"),
    sqlite_with_rowid=False,
)

KNOWN_RECORDS = Table(
    "known_records",
    METADATA,
    Column("source", _TEXT, nullable=False),
    Column("object", _TEXT, nullable=False),
    Column("record_id", _TEXT, nullable=False),
    # A JSON object of text: each property's own JSON text, so that nothing is parsed twice.
    Column("properties", LargeBinary, nullable=False),
    Column("modified_at", BigInteger),
    Column("deleted", Integer, nullable=False),
    # Which properties were asked for, a number of `asked`; empty when the source gave all.
    Column("asked", _NUMBER),
    PrimaryKeyConstraint("source", "object", "record_id"),
    sqlite_with_rowid=False,
)

# What sources asked for: the same few lists of names for all records.
ASKED = Table(
    "asked",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("content", _TEXT, nullable=False, unique=True),
)

# How far each type of object has been read from an API: JSON that its source understands.
CURSORS = Table(
    "cursors",
    METADATA,
    Column("source", _TEXT, nullable=False),
    Column("object", _TEXT, nullable=False),
    Column("cursor", _TEXT, nullable=False),
    PrimaryKeyConstraint("source", "object"),
    sqlite_with_rowid=False,
)

# Records met in an API's archive, and the pass over it that met them last.
ARCHIVED_RECORDS = Table(
    "archived_records",
    METADATA,
    Column("source", _TEXT, nullable=False),
    Column("object", _TEXT, nullable=False),
    Column("record_id", _TEXT, nullable=False),
    Column("pass", _NUMBER, nullable=False),
    PrimaryKeyConstraint("source", "object", "record_id"),
    sqlite_with_rowid=False,
)

ENROLLMENTS = Table(
    "enrollments",
    METADATA,
    Column("webhook", _TEXT, nullable=False),
    Column("source", _TEXT, nullable=False),
    Column("object", _TEXT, nullable=False),
    Column("record_id", _TEXT, nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("webhook", "source", "object", "record_id"),
    sqlite_with_rowid=False,
)

SOURCES = Table(
    "sources",
    METADATA,
    Column("name", _TEXT, primary_key=True),
    Column("identity", _TEXT, nullable=False),
    Column("has_started", Integer, nullable=False, server_default=text("0")),
    # The claim of the last snapshot that was taken: an older one is accepted no more.
    Column("last_snapshot", _TEXT),
)

FILES = Table(
    "files",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("claim", _TEXT, nullable=False, unique=True),
    Column("source", _TEXT, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("rows_taken", Integer, nullable=False, server_default=text("0")),
    Column("bad_count", Integer, nullable=False, server_default=text("0")),
    Column("openings", Integer, nullable=False, server_default=text("0")),
    Column("is_finished", Integer, nullable=False, server_default=text("0")),
    # The cursor of a snapshot; a file of records has no phase.
    Column("phase", _TEXT),
    Column("rows_counted", Integer, nullable=False, server_default=text("0")),
    Column("place", _TEXT, nullable=False, server_default=text("''")),
    Column("deletions", Integer, nullable=False, server_default=text("0")),
    # How fast it goes, for people who look.
    Column("rows_per_second", Integer),
    Column("ends_at", BigInteger),
)

# The rows of the snapshot in work by the file's number: what was counted is not in memory.
SNAPSHOT_ROWS = Table(
    "snapshot_rows",
    METADATA,
    Column("file", _NUMBER, nullable=False),
    Column("record_id", _TEXT, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("last_row", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    # Whether two rows of this id differ.
    Column("differs", Integer, nullable=False),
    PrimaryKeyConstraint("file", "record_id"),
    sqlite_with_rowid=False,
)
Index(
    "differing",
    SNAPSHOT_ROWS.c.file,
    SNAPSHOT_ROWS.c.last_row,
    **_where("differs = 1"),
)

BAD_ROWS = Table(
    "bad_rows",
    METADATA,
    Column("claim", _TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("reason", _TEXT, nullable=False),
    PrimaryKeyConstraint("claim", "number"),
    sqlite_with_rowid=False,
)

# Backfills that are not over, with the condition texts they were asked with.
BACKFILLS = Table(
    "backfills",
    METADATA,
    Column("webhook", _TEXT, primary_key=True),
    Column("conditions", _TEXT, nullable=False),
    Column("per_second", Float, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("after", _TEXT, nullable=False, server_default=text("''")),
    Column("records", Integer, nullable=False, server_default=text("0")),
    Column("deliveries", Integer, nullable=False, server_default=text("0")),
)

# The changes of the last days, to try another configuration on (`journal`).
CHANGES = Table(
    "changes",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("source", _TEXT, nullable=False, index=True),
    Column("object", _TEXT, nullable=False),
    Column("record_id", _TEXT, nullable=False),
    Column("change", _TEXT, nullable=False),
    Column("asked", _NUMBER),
    # What differed before; empty where nothing is known of it.
    Column("before", LargeBinary),
    Column("properties", LargeBinary, nullable=False),
)

# How many changes of an hour are not there, and why not.
CHANGES_LEFT_OUT = Table(
    "changes_left_out",
    METADATA,
    Column("source", _TEXT, nullable=False),
    Column("reason", _TEXT, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "reason", "hour"),
)
