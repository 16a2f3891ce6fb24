"""Two persons at two consoles retry what failed at once: both are told what happened, no more."""

import re
import threading
from contextlib import ExitStack

import pytest

from tests.console.stage import Stage
from tests.console.test_pages import Acting
from tests.receiver import Answer

FAILED = 300


@pytest.fixture
def broken(tmp_path):
    """Give a daemon whose receiver has refused everything, and takes it from now on."""
    with Stage(tmp_path) as stage:
        stage.moods["w"] = Answer(400)
        stage.daemon.configure({"w": stage.webhook("w")})
        stage.daemon.start()
        stage.daemon.drop_rows("a.ndjson", *({"id": str(n)} for n in range(FAILED)))
        stage.wait_for(failed=FAILED)
        stage.moods.clear()
        stage.receiver.received.clear()
        yield stage


def test_what_two_persons_retry_at_once_adds_up(broken):
    """Each sees the dry run, then both confirm: what they are told is what was done."""
    with ExitStack() as stack:
        persons = []
        for _ in range(2):
            acting = Acting(stack.enter_context(broken.console().viewer()))
            acting.look("/deliveries?state=failed")
            assert f"{FAILED} deliveries would be" in acting.press("Retry all that match")
            persons.append(acting)
        told, together = [], threading.Barrier(2)

        def confirm(acting):
            together.wait()
            try:
                told.append(acting.press(f"Retry {FAILED}"))
            except AssertionError as refused:
                told.append(str(refused))

        threads = [threading.Thread(target=confirm, args=(one,)) for one in persons]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        broken.wait_for(delivered=FAILED)

        counts = [
            int(found[1])
            for text in told
            if (found := re.search(r"([0-9]+) deliver\w+ retried", text))
        ]
        refused = [text for text in told if "another retry by hand is under way" in text]
        assert len(counts) + len(refused) == 2, told
        assert sum(counts) == FAILED
        # And each record was told once.
        assert len({one.id for one in broken.receiver.received}) == FAILED
        assert len(broken.receiver.received) == FAILED
        for acting in persons:
            assert "No delivery matches." in acting.look("/deliveries?state=failed")
        acts = broken.daemon.named("person.acted")
        assert [one["action"] for one in acts] == ["retry"] * len(counts)
