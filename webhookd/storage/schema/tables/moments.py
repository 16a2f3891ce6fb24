"""Timers and their moments: when webhooks look at records again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table

from webhookd.storage.schema.tables.common import METADATA, NUMBER, TEXT, where

TIMERS = Table(
    "timers",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    # Empty when the webhook has another timer by now: its moments are deleted, some at a time.
    Column("webhook", TEXT, unique=True),
    # `at` or `wait`.
    Column("kind", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    # What its moments follow from; with another one they are planned anew.
    Column("digest", TEXT, nullable=False),
    # No moment before this is ever due.
    Column("since", BigInteger, nullable=False),
    # Known records are planned up to this id; empty when all are.
    Column("place", TEXT),
)

# One row for each record that has, had or awaits a moment.
MOMENTS = Table(
    "moments",
    METADATA,
    Column("timer", NUMBER, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("at", BigInteger),
    # The last moment that came about, whatever came of it.
    Column("told", BigInteger),
    # Of a record that waits: since when, and what its receiver has not been told.
    Column("first_at", BigInteger),
    Column("change", TEXT),
    Column("occurred_at", BigInteger),
    Column("untold_new", Integer),
    Column("untold_previous", LargeBinary),
    # The last properties of a record that was deleted while it waited, and how it was.
    Column("last", LargeBinary),
    Column("deletion", TEXT),
    PrimaryKeyConstraint("timer", "record_id"),
    sqlite_with_rowid=False,
)

Index("moments_due", MOMENTS.c.timer, MOMENTS.c.at, **where("at IS NOT NULL"))
