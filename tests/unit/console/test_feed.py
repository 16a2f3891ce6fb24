"""One stream in, many out: each viewer is told all, or how much it missed."""

import asyncio
from contextlib import asynccontextmanager

from webhookd.client.client_errors import LostError
from webhookd.console import feed as feeds
from webhookd.console.feed import BUFFERED, MOST_VIEWERS, Feed, Happening, Viewer
from webhookd.console.pages import live


class ScriptedDaemon:
    """Tells streams one after the other; each may break off."""

    def __init__(self, *streams):
        self.streams = list(streams)
        self.asked = []

    @asynccontextmanager
    async def lines(self, _method, _path, *, after=None):
        self.asked.append(after)
        stream = self.streams.pop(0) if self.streams else []

        async def told():
            for line in stream:
                yield line
            if not self.streams:
                await asyncio.Event().wait()
            raise LostError("it broke off")

        yield told()


def test_a_stream_that_breaks_off_is_asked_for_again_from_its_last_event(monkeypatch):
    monkeypatch.setattr(feeds, "AGAIN_SECONDS", 0.0)
    daemon = ScriptedDaemon(
        ["event: hold", 'data: {"webhook": "a"}', "id: x.7", "", ": here", ""],
        ["event: hold", 'data: {"webhook": "b"}', "id: x.8", ""],
    )

    async def watch():
        feed = Feed(daemon)
        async with feed.watching() as viewer:
            return [await viewer.buffer.get() for _ in range(5)]

    told = asyncio.run(watch())

    assert [one.kind for one in told] == ["here", "hold", "away", "here", "hold"]
    assert told[2].told == {"why": "it broke off"}
    assert daemon.asked == [None, "x.7"]


def test_who_does_not_keep_up_is_told_how_much_was_missed():
    viewer = Viewer()

    for number in range(BUFFERED + 10):
        told = {"attempts": [number, number], "skipped": 100}
        viewer.add(Happening("attempts", told))

    assert viewer.dropped == 10 * 102
    assert viewer.buffer.qsize() == BUFFERED


def test_all_streams_end_when_the_console_does():
    async def watch():
        feed = Feed(ScriptedDaemon([]))
        async with feed.watching() as viewer:
            await feed.stop()
            last = [viewer.buffer.get_nowait() for _ in range(viewer.buffer.qsize())][-1]
        async with feed.watching() as late:
            return last, late

    assert asyncio.run(watch()) == (None, None)


def test_only_so_many_may_watch():
    async def watch():
        feed = Feed(ScriptedDaemon([]))
        watching = [feed.watching() for _ in range(MOST_VIEWERS + 1)]
        viewers = [await one.__aenter__() for one in watching]
        for one in reversed(watching):
            await one.__aexit__(None, None, None)
        return viewers

    viewers = asyncio.run(watch())

    assert viewers[-1] is None
    assert None not in viewers[:-1]


def test_a_row_is_texts_that_hide_nothing():
    row = live._row(
        {
            "at": "2026-11-27T12:00:00.123Z",
            "outcome": "given_up",
            "status": 422,
            "webhook": "w",
            "id": "1",
            "object": "contacts",
            "record_id": "a\u202eb\nc",
            "change": "created",
            "attempt": 2,
            "seconds": 0.0123,
            "error": "no\x00",
        }
    )

    assert row["at"] == "12:00:00.123"
    assert row["outcome"] == "✕ 422 given up"
    assert row["record"] == "contacts/a\\u202eb c"
    assert row["took"] == "12 ms"
    assert row["error"] == "no\\u0000"
