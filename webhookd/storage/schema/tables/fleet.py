"""Several daemons on one database: the members, and the share that each has of a lane.

A daemon that is alone on its file writes none of it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Table, text

from webhookd.storage.schema.tables.common import METADATA, NUMBER, TEXT

DAEMONS = Table(
    "daemons",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    # What its state directory calls it: who starts there again is the same, and the only one.
    Column("name", TEXT, nullable=False),
    Column("host", TEXT, nullable=False),
    Column("process_id", Integer, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("config_hash", TEXT, nullable=False, server_default=text("''")),
    # The server's process that serves the session which writes.
    Column("backend", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    # Until when it may begin attempts, by the database's clock; each transaction moves it.
    Column("leased_until", BigInteger, nullable=False),
    # Whether that passed and somebody noticed: nothing is written in its name any more.
    Column("is_dead", Integer, nullable=False, server_default=text("0")),
    # The mark of its last transaction, to see what became of a commit without an answer.
    Column("last_commit", TEXT, nullable=False, server_default=text("''")),
)

# A daemon that has a lane's webhook in force, and how many attempts it may have in flight there.
SHARES = Table(
    "shares",
    METADATA,
    Column("lane", Integer, nullable=False),
    Column("daemon", NUMBER, nullable=False),
    Column("slots", Integer, nullable=False, server_default=text("0")),
    Column("wanted", Integer, nullable=False, server_default=text("0")),
    # How long an attempt may take: so long after its lease a dead daemon's may be under way.
    Column("seconds", Integer, nullable=False, server_default=text("0")),
    Column("is_in_force", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("lane", "daemon"),
    sqlite_with_rowid=False,
)
