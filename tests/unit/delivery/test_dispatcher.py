"""What the dispatcher does about one event; `test_engine_machine` has all of them in any order."""

from datetime import timedelta

import pytest

from tests.making import LOOPBACK, a_delivery, a_policy, a_settlement, a_webhook
from tests.unit.delivery.outbox import GatheringPeers, Outbox, ScriptedCourier, VirtualLoop
from webhookd.delivery.dispatcher import Dispatcher
from webhookd.delivery.prepared_webhook import prepare
from webhookd.model import Delivered
from webhookd.storage.deliveries.lanes import LaneRow


@pytest.fixture
def loop():
    loop = VirtualLoop()
    yield loop
    loop.end()


def test_a_promoted_delivery_of_a_later_time_has_the_scheduler_ask_at_once(loop):
    """Its lane may have been released since: then it is due now, which only a fetch finds out."""
    woken = []
    row = LaneRow(1, "ordered", is_ordered=True)
    outbox = Outbox(loop, row)

    async def scenario():
        dispatcher = Dispatcher(
            ScriptedCourier(loop, lambda *_: None),
            outbox,
            GatheringPeers(outbox),
            max_in_flight=1,
            clock=loop.clock,
        )
        dispatcher.open(lambda: woken.append(loop.now()))
        policy = a_policy(order="record")
        prepared = {"ordered": prepare(a_webhook("ordered", delivery=policy), LOOPBACK)}
        dispatcher.adopt([row], prepared, {})
        for wanted in dispatcher.fetches.requests(loop.now()):
            dispatcher.fetches.fetched(outbox._fetch((wanted, loop.now())))
        dispatcher.fetches.next_due()
        first = a_delivery("ordered", due_at=loop.now())
        dispatcher.offer([first])
        woken.clear()
        promoted = a_delivery("ordered", due_at=loop.now() + timedelta(minutes=1))
        ended = a_settlement(first, Delivered(), lane=1, epoch=0, ended_at=loop.now())
        dispatcher.committed([ended], [promoted])

    loop.run_until_complete(scenario())

    assert woken == [loop.now()]
