"""What is known of records, how far sources have been read, backfills and the journal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    text,
)

from webhookd.storage.schema.tables.common import METADATA, NUMBER, TEXT, where

KNOWN_RECORDS = Table(
    "known_records",
    METADATA,
    Column("source", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    Column("record_id", TEXT, nullable=False),
    # A JSON object of text: each property's own JSON text, so that nothing is parsed twice.
    Column("properties", LargeBinary, nullable=False),
    Column("modified_at", BigInteger),
    Column("deleted", Integer, nullable=False),
    # Which properties were asked for, a number of `asked`; empty when the source gave all.
    Column("asked", NUMBER),
    PrimaryKeyConstraint("source", "object", "record_id"),
    sqlite_with_rowid=False,
)

# What sources asked for: the same few lists of names for all records.
ASKED = Table(
    "asked",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("content", TEXT, nullable=False, unique=True),
)

# How far each type of object has been read from an API: JSON that its source understands.
CURSORS = Table(
    "cursors",
    METADATA,
    Column("source", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    Column("cursor", TEXT, nullable=False),
    PrimaryKeyConstraint("source", "object"),
    sqlite_with_rowid=False,
)

# Records met in an API's archive, and the pass over it that met them last.
ARCHIVED_RECORDS = Table(
    "archived_records",
    METADATA,
    Column("source", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("pass", NUMBER, nullable=False),
    PrimaryKeyConstraint("source", "object", "record_id"),
    sqlite_with_rowid=False,
)

# Members of lists that an API has of its records, by the lists' names in the configuration: which
# pass over the list met each last, and which one was under way, or the last, when it joined.
LIST_MEMBERS = Table(
    "list_members",
    METADATA,
    Column("source", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    Column("list", TEXT, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("pass", NUMBER, nullable=False),
    Column("joined", NUMBER, nullable=False),
    PrimaryKeyConstraint("source", "object", "list", "record_id"),
    sqlite_with_rowid=False,
)

ENROLLMENTS = Table(
    "enrollments",
    METADATA,
    Column("webhook", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("webhook", "source", "object", "record_id"),
    sqlite_with_rowid=False,
)

SOURCES = Table(
    "sources",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("identity", TEXT, nullable=False),
    Column("has_started", Integer, nullable=False, server_default=text("0")),
    # The claim of the last snapshot that was taken: an older one is accepted no more.
    Column("last_snapshot", TEXT),
)

FILES = Table(
    "files",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("claim", TEXT, nullable=False, unique=True),
    Column("source", TEXT, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("rows_taken", Integer, nullable=False, server_default=text("0")),
    Column("bad_count", Integer, nullable=False, server_default=text("0")),
    Column("openings", Integer, nullable=False, server_default=text("0")),
    Column("is_finished", Integer, nullable=False, server_default=text("0")),
    # The cursor of a snapshot; a file of records has no phase.
    Column("phase", TEXT),
    Column("rows_counted", Integer, nullable=False, server_default=text("0")),
    Column("place", TEXT, nullable=False, server_default=text("''")),
    Column("deletions", Integer, nullable=False, server_default=text("0")),
    # How fast it goes, for people who look.
    Column("rows_per_second", Integer),
    Column("ends_at", BigInteger),
)

# The rows of the snapshot in work by the file's number: what was counted is not in memory.
SNAPSHOT_ROWS = Table(
    "snapshot_rows",
    METADATA,
    Column("file", NUMBER, nullable=False),
    Column("record_id", TEXT, nullable=False),
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
    **where("differs = 1"),
)

BAD_ROWS = Table(
    "bad_rows",
    METADATA,
    Column("claim", TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("reason", TEXT, nullable=False),
    PrimaryKeyConstraint("claim", "number"),
    sqlite_with_rowid=False,
)

# Backfills that are not over, with the condition texts they were asked with.
BACKFILLS = Table(
    "backfills",
    METADATA,
    Column("webhook", TEXT, primary_key=True),
    Column("conditions", TEXT, nullable=False),
    Column("per_second", Float, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("after", TEXT, nullable=False, server_default=text("''")),
    Column("records", Integer, nullable=False, server_default=text("0")),
    Column("deliveries", Integer, nullable=False, server_default=text("0")),
)

# The changes of the last days, to try another configuration on (`journal`).
CHANGES = Table(
    "changes",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("source", TEXT, nullable=False, index=True),
    Column("object", TEXT, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("change", TEXT, nullable=False),
    Column("asked", NUMBER),
    # What differed before; empty where nothing is known of it.
    Column("before", LargeBinary),
    Column("properties", LargeBinary, nullable=False),
    # How a record came to be deleted, and what it was merged into (`model.Deletion`).
    Column("deletion", TEXT),
)

# How many changes of an hour are not there, and why not.
CHANGES_LEFT_OUT = Table(
    "changes_left_out",
    METADATA,
    Column("source", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "reason", "hour"),
)
