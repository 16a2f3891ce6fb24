"""A write that the database refused is tried again until it is taken."""

import asyncio

import pytest

from webhookd.errors import NotHeldError, StorageError
from webhookd.storage.refused_writes import RETRY_SECONDS, keep_trying


def try_it(*outcomes, refused=lambda: None, sleep=None):
    """Return the result of a write that comes to *outcomes* in turn, and the pauses between."""
    left, pauses = list(outcomes), []

    async def write():
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def pause(seconds):
        pauses.append(seconds)

    trying = keep_trying(write, what="a test", refused=refused, sleep=sleep or pause)
    return asyncio.run(trying), pauses


def test_a_write_that_is_taken_is_written_once():
    assert try_it(1) == (1, [])


def test_a_refused_write_is_tried_again_after_a_pause_until_it_is_taken():
    refusals = []
    result, pauses = try_it(
        StorageError("full"), StorageError("full"), 7, refused=lambda: refusals.append(1)
    )

    assert (result, pauses, len(refusals)) == (7, [RETRY_SECONDS] * 2, 2)


@pytest.mark.parametrize("error", [ValueError("a bug"), NotHeldError("another daemon's")])
def test_another_error_is_no_refusal(error):
    with pytest.raises(type(error)):
        try_it(error, 7)


def test_a_caller_gives_up_in_its_sleep():
    async def give_up(_seconds):
        raise NotHeldError("stopped")

    with pytest.raises(NotHeldError):
        try_it(StorageError("full"), 7, sleep=give_up)
