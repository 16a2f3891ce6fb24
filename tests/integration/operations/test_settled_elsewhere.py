"""What other daemons settled is told once, and what this one did is not told again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.making import NOW, a_delivery
from webhookd import clock
from webhookd.operations.feed import settled_elsewhere
from webhookd.operations.feed.settled_elsewhere import SettledElsewhere
from webhookd.storage.database.database import open_database
from webhookd.storage.database.times import to_micros
from webhookd.storage.deliveries import enqueue, lanes
from webhookd.storage.deliveries.lanes import ConfiguredLane


def test_what_others_settle_is_told_once(url, monkeypatch):
    monkeypatch.setattr(settled_elsewhere, "EVERY_SECONDS", 0.01)
    database = open_database(url)
    connection = database.connect()
    connection.begin()
    lanes.adopt(connection, [ConfiguredLane("mirror")], NOW)
    made = [a_delivery("mirror", record_id=str(number)) for number in range(5)]
    enqueue.store(connection, made)
    connection.commit()
    told = []

    def settle(one, state, after):
        connection.begin()
        connection.execute(
            "UPDATE deliveries SET state = ?, due_at = NULL, settled_at = ?, last_error = ?"
            " WHERE id = ?",
            (state, to_micros(NOW + timedelta(seconds=after)), "refused: x", one.id),
        )
        connection.commit()

    async def scenario():
        both = asyncio.Event()

        def tell(one):
            told.append(one)
            if len(told) >= 2:
                both.set()

        watch = SettledElsewhere(
            database, replace(clock.SYSTEM, now=lambda: NOW), tell, is_shared=True
        )
        watch.begin()
        await asyncio.sleep(0.05)
        settle(made[0], "delivered", 1)
        watch.own(made[1].id)
        settle(made[1], "failed", 2)
        settle(made[2], "failed", 3)
        settle(made[3], "cancelled", 4)
        await asyncio.wait_for(both.wait(), 30)
        await asyncio.sleep(0.1)
        watch.end()

    asyncio.run(scenario())
    connection.close()
    database.close()

    seen = [(one.told.record_id, one.told.outcome, one.told.is_elsewhere) for one in told]
    assert sorted(seen) == [("0", "delivered", True), ("2", "given_up", True)]
