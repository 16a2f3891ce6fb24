"""Lanes, deliveries and their attempts.

A pending delivery is one whose `due_at` is set; only those are in the index `due`, so that a
million settled deliveries cost the search for due ones nothing. Whether a pending delivery is
*held* is a matter of its lane's row alone.

`behind` says what the order of its record means for a delivery: empty where no order is kept, 0
for a record's first open one, 1 for those behind it. The last are in no search for due ones; they
are in `open_records`, which only lanes that keep an order pay for.

`owner` is the daemon that has a delivery in memory, where several work on one database: no other
attempts it. A daemon that is alone on its file needs none.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    text,
)

from webhookd.storage.schema.tables.common import METADATA, NUMBER, TEXT, where

META = Table(
    "meta",
    METADATA,
    Column("key", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)

LANES = Table(
    "lanes",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("webhook", TEXT, nullable=False, unique=True),
    # Raised when waiting deliveries become due at once: those of an older epoch are due.
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    # Three independent reasons to hold; a lane is held while any of them is set.
    Column("paused_reason", TEXT),
    Column("gone_reason", TEXT),
    Column("absent_reason", TEXT),
    Column("held_since", BigInteger),
    Column("held_total", BigInteger, nullable=False, server_default=text("0")),
    # A Retry-After of 429 or 503: nothing starts before.
    Column("quiet_until", BigInteger),
    # What the webhook's request was, to see that a new configuration changed it.
    Column("request_digest", TEXT, nullable=False, server_default=text("''")),
    Column("target_digest", TEXT, nullable=False, server_default=text("''")),
    # Whether a record's deliveries go out in order, and the number of the last delivery that was
    # brought in line with that; empty when all are (`ordering`).
    Column("is_ordered", Integer, nullable=False, server_default=text("0")),
    Column("ordered_upto", NUMBER),
    # Since when its receiver does not answer, and why, where several daemons share a lane.
    Column("probed_since", BigInteger),
    Column("probed_reason", TEXT),
    # What the latest attempts came to, at all daemons (`latest_attempts`): when one was last
    # delivered, why the last that failed did, and how many have failed since, from when on.
    Column("last_delivered_at", BigInteger),
    Column("last_error", TEXT),
    Column("last_error_at", BigInteger),
    Column("failing_since", BigInteger),
    Column("failing_attempts", Integer, nullable=False, server_default=text("0")),
)

# Starts of rate-limited lanes, written before they happen; when exactly is known afterwards.
STARTS = Table(
    "starts",
    METADATA,
    Column("lane", Integer, nullable=False),
    Column("delivery_id", TEXT, nullable=False),
    Column("started_at", BigInteger),
    # The daemon that may start, where several share the rate; then `delivery_id` is of that start.
    Column("owner", NUMBER),
)
Index("starts_by_lane", STARTS.c.lane, STARTS.c.started_at)
Index("starts_by_delivery", STARTS.c.delivery_id)

# When tokens were asked for, by clients of token servers; a client is a digest of all that makes
# its token another one (`rules.digests`). Only the last minutes are kept.
TOKEN_REQUESTS = Table(
    "token_requests",
    METADATA,
    Column("client", TEXT, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
Index("token_requests_by_client", TOKEN_REQUESTS.c.client, TOKEN_REQUESTS.c.made_at)

# How many attempts a lane had and what they came to, for charts: ten minutes a row, by the time at
# which they began; hours, when they are two days old.
ACTIVITY = Table(
    "activity",
    METADATA,
    Column("bucket", BigInteger, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("retried", BigInteger, nullable=False),
    Column("given_up", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    # How long all of them took.
    Column("micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("bucket", "lane"),
    sqlite_with_rowid=False,
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("id", TEXT, nullable=False, unique=True),
    Column("lane", Integer, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    Column("record_id", TEXT, nullable=False),
    Column("change", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("behind", Integer),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("first_attempt_at", BigInteger),
    Column("held_before", BigInteger, nullable=False, server_default=text("0")),
    Column("last_status", Integer),
    Column("last_error", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("method", TEXT, nullable=False),
    Column("content_type", TEXT),
    Column("query", TEXT, nullable=False),
    Column("body", LargeBinary),
    # Where newer changes take its place (`superseding`): whether a creation is part of what its
    # receiver was not told, the values before all of that, and since when; then who took it.
    Column("untold_new", Integer),
    Column("untold_previous", LargeBinary),
    Column("untold_since", BigInteger),
    Column("superseded_by", TEXT),
    Column("owner", NUMBER),
    # Attempts whose Retry-After was obeyed although it was shorter than the schedule's wait: all
    # of them, and those in a row.
    Column("hints", Integer, nullable=False, server_default=text("0")),
    Column("hints_in_row", Integer, nullable=False, server_default=text("0")),
    # What templates need at each attempt, as JSON; empty for most. Where secrets go in the body:
    # [[offset in bytes, name]]; and the values for URL and headers, by their names in expressions.
    Column("holes", TEXT),
    Column("url_values", TEXT),
    # How its record came to be deleted (`model.Deletion`); empty for most.
    Column("deletion", TEXT),
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
    **where("due_at IS NOT NULL AND behind IS NOT NULL"),
)
# What a retry by hand would overtake.
Index(
    "delivered_records",
    DELIVERIES.c.lane,
    DELIVERIES.c.source,
    DELIVERIES.c.object,
    DELIVERIES.c.record_id,
    DELIVERIES.c.number,
    **where("state = 'delivered' AND behind IS NOT NULL"),
)
Index("owned", DELIVERIES.c.owner, postgresql_where=text("owner IS NOT NULL")).ddl_if("postgresql")
Index("settled", DELIVERIES.c.settled_at, **where("settled_at IS NOT NULL"))
Index("failed", DELIVERIES.c.lane, **where("state = 'failed'"))
# What lists ask for, the newest first: all of a webhook, and what ended otherwise than most. Every
# delivery fulfils the first condition, by which the index is asked for: without statistics SQLite
# would else take it for whatever is asked of a lane, in place of those that have few rows.
Index("deliveries_by_lane", DELIVERIES.c.lane, DELIVERIES.c.number, **where("number > 0"))
for _state in ("failed", "superseded", "cancelled"):
    Index(
        f"{_state}_by_number",
        DELIVERIES.c.state,
        DELIVERIES.c.number,
        **where(f"state = '{_state}'"),
    )

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("delivery_id", TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("status", Integer),
    Column("error", TEXT),
    Column("answer", TEXT, nullable=False),
    Column("config_hash", TEXT, nullable=False),
    # The URL and the request's headers, a line each; the answer's headers, likewise. Empty where
    # nothing was sent, or answered, for attempts of older versions, and in a file: see below.
    Column("sent", TEXT),
    Column("answer_headers", TEXT),
    PrimaryKeyConstraint("delivery_id", "number"),
    sqlite_with_rowid=False,
)

# The same of attempts that were stored in a file, where half a kilobyte in the rows above costs six
# times what it does in a table of its own, whose rows are appended. The key is the delivery's
# number, then the attempt's.
EXCHANGE_HEADS = Table(
    "exchange_heads",
    METADATA,
    Column("key", NUMBER, primary_key=True, autoincrement=False),
    Column("sent", TEXT),
    Column("answer_headers", TEXT),
)
