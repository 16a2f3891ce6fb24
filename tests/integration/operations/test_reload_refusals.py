"""A configuration with timers takes daemons that know them: older ones would plan no moment."""

import os
from datetime import timedelta

import pytest

from tests import databases, postgresql
from tests.making import a_webhook, some_definitions
from tests.timing import due_by
from webhookd import __version__
from webhookd.definitions import At, Trigger, Wait
from webhookd.errors import StorageError
from webhookd.operations.reloading.reload_refusals import (
    ReloadRefusedError,
    refuse_with_older_daemons,
)
from webhookd.storage.database.connection import Member
from webhookd.storage.database.database import open_database
from webhookd.storage.schema import versions

TIMED = (
    due_by(At("renewal_date")),
    a_webhook("quiet", trigger=Trigger(wait=Wait(timedelta(minutes=10)))),
)
BEFORE_TIMERS = f"{int(versions.TIMERS) - 1:04}"


def put_in_force(connection, *webhooks):
    connection.begin()
    try:
        refuse_with_older_daemons(connection, some_definitions(*webhooks))
    except BaseException:
        connection.roll_back()
        raise
    connection.commit()


def works_with(connection):
    [(oldest,)] = connection.execute("SELECT value FROM meta WHERE key = 'works_with'").fetchall()
    return oldest


def test_timers_are_refused_while_an_older_daemon_is_there_and_come_when_it_is_gone():
    server = postgresql.server()
    database = open_database(server.url(server.new()))
    mine = database.connect(Member("a", "here", os.getpid(), __version__))
    older = database.connect(Member("b", "elsewhere", os.getpid(), "0.0.9"))
    try:
        before = works_with(mine)
        put_in_force(mine, a_webhook())
        for webhook in TIMED:
            place = rf"webhooks\.{webhook.name}\.trigger: it has a timer, .*elsewhere \(0\.0\.9\)"
            with pytest.raises(ReloadRefusedError, match=place) as refused:
                put_in_force(mine, a_webhook(), webhook)
            assert refused.value.may_pass
        assert works_with(mine) == before < versions.TIMERS

        older.close()
        mine.execute("DELETE FROM daemons WHERE version = '0.0.9'")
        put_in_force(mine, *TIMED)
        assert works_with(mine) == versions.TIMERS
    finally:
        mine.close()
        older.close()
        database.close()


@pytest.mark.parametrize("kind", databases.KINDS)
def test_no_older_webhookd_works_on_a_database_with_timers(kind, tmp_path, monkeypatch):
    url = databases.new_url(kind, tmp_path)
    database = open_database(url)
    connection = database.connect()
    try:
        with monkeypatch.context() as older:
            older.setattr(versions, "NEWEST", BEFORE_TIMERS)
            open_database(url).close()
        put_in_force(connection, TIMED[0])
        with monkeypatch.context() as older:
            older.setattr(versions, "NEWEST", BEFORE_TIMERS)
            with pytest.raises(
                StorageError, match=f"takes a webhookd that knows {versions.TIMERS}"
            ):
                open_database(url)
    finally:
        connection.close()
        database.close()
