"""What a transaction stored is offered once, when it is on the disk, and then its claims end."""

import asyncio
from types import SimpleNamespace

import pytest

from tests.making import a_delivery
from webhookd.delivery.claims import ClaimTable
from webhookd.errors import StorageError
from webhookd.intake.claimed_write import ClaimedWriter
from webhookd.storage.database.connection import NO_LOCKS


class ScriptedWriter:
    """Runs units at once, and commits when the test says so."""

    def write(self, unit, locks=NO_LOCKS):
        """Run *unit*; its future is done with `commit` or `refuse`."""
        self.locks = locks
        self.future = asyncio.get_running_loop().create_future()
        self._result = unit(SimpleNamespace())
        return self.future

    def commit(self):
        """Have the result of the unit be on the disk."""
        self.future.set_result(self._result)

    def refuse(self):
        """Have the database refuse the transaction."""
        self.future.set_exception(StorageError("full"))


def run(scenario):
    """Run *scenario* with a writer, claims, and what was offered and claimed at the time."""

    async def inside():
        writer, offered = ScriptedWriter(), []
        claims = ClaimTable(released=lambda: offered.append("claims ended"))
        claimed = ClaimedWriter(writer, claims=claims, offer=offered.extend)
        await scenario(writer, claims, claimed, offered)

    asyncio.run(inside())


def superseding(delivery):
    """Return a unit that supersedes delivery `old` and stores *delivery*."""

    def unit(_connection, claims):
        assert claims.claim("old")
        return [delivery]

    return unit


def test_what_was_stored_is_offered_when_it_is_committed_and_then_the_claims_end():
    delivery = a_delivery()

    async def scenario(writer, claims, claimed, offered):
        done = claimed.write(["crm-mirror"], superseding(delivery), lambda stored: stored)
        assert offered == []
        assert not claims.start("old")
        writer.commit()
        await done
        await asyncio.sleep(0)
        assert offered == [delivery, "claims ended"]
        assert claims.start("old")

    run(scenario)


def test_what_was_refused_is_not_offered_and_may_start():
    async def scenario(writer, claims, claimed, offered):
        done = claimed.write(["crm-mirror"], superseding(a_delivery()), lambda stored: stored)
        writer.refuse()
        with pytest.raises(StorageError):
            await done
        await asyncio.sleep(0)
        assert offered == ["claims ended"]
        assert claims.start("old")

    run(scenario)


def test_it_is_offered_though_nobody_waits_for_it_any_more():
    delivery = a_delivery()

    async def scenario(writer, _claims, claimed, offered):
        done = claimed.write(["crm-mirror"], superseding(delivery), lambda stored: stored)

        async def wait():
            await asyncio.shield(done)

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        writer.commit()
        await asyncio.sleep(0)
        assert offered == [delivery, "claims ended"]

    run(scenario)
