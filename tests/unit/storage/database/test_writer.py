"""The writer's queue and its end, over a connection that does what a test says."""

import asyncio
import math
import threading
from types import SimpleNamespace

from webhookd.storage.database.connection import UncertainError
from webhookd.storage.database.writer import Writer


class ScriptedConnection:
    """A connection that loses its first commit, and is asked what became of it."""

    def __init__(self):
        self.session = SimpleNamespace(
            owner=1, leased_until=math.inf, idle_seconds=None, look_after=lambda: None
        )
        self.commits = 0
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def begin(self, locks):
        """Begin a transaction."""

    def commit(self):
        """Commit; the connection is lost during the first commit."""
        self.commits += 1
        if self.commits == 1:
            raise UncertainError("lost", "token")

    def roll_back(self):
        """Undo the transaction."""

    def has_committed(self, token):
        """Return that the commit came about, when the test lets it answer."""
        assert token == "token"
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return True

    def close(self):
        """End the connection."""


class ScriptedDatabase:
    """A database with one connection."""

    kind = SimpleNamespace(is_shared=False)

    def __init__(self, connection):
        self._connection = connection

    def connect(self, member, reopened):
        """Return the connection."""
        return self._connection


def test_what_is_queued_while_the_server_is_asked_of_a_commit_is_written_before_the_end():
    """The writer's thread has looked at its queue for the last time but one then."""
    connection = ScriptedConnection()

    async def scenario():
        async with Writer(ScriptedDatabase(connection)) as writer:
            first = writer.write(lambda _: "first")
            await asyncio.to_thread(connection.is_asked.wait, 10)
            second = writer.write(lambda _: "second")
            asyncio.get_running_loop().call_later(0.05, connection.may_answer.set)
        return await asyncio.wait_for(asyncio.gather(first, second), 5)

    assert asyncio.run(scenario()) == ["first", "second"]
