"""The newest changes are read once for many drafts, and a draft is held against them in bounds."""

import asyncio

from tests.making import NOW, a_webhook
from webhookd.console.composing import recent_changes
from webhookd.console.composing.recent_changes import MOST, PAGE, RecentChanges, tally

COUNT = 12_000


class ScriptedDaemon:
    """Tells a journal of so many changes, the newest first."""

    def __init__(self, count=COUNT):
        self.count = count
        self.asked = []

    async def get(self, path, **query):
        self.asked.append(path)
        if path == "/v1/properties":
            return {"properties": [{"name": "email"}]}
        left_out = [{"source": "export", "count": 7}, {"source": "other", "count": 9}]
        if "since" in query:
            after = query.get("after", 0)
            numbers = range(after + 1, min(after + query["limit"], self.count) + 1)
        else:
            last = self.count if query["before"] is None else query["before"] - 1
            numbers = range(last, max(last - query["limit"], 0), -1)
        changes = [
            {
                "number": number,
                "seen_at": NOW.isoformat(),
                "occurred_at": NOW.isoformat(),
                "source": "export",
                "object": "contacts",
                "record_id": str(number),
                "change": "created",
                "properties": {"email": f'"{number}"'},
                "before": None,
                "asked": None,
                "enrolled": [],
            }
            for number in numbers
        ]
        # One more is seen meanwhile: it might go on for ever.
        self.count += "after" in query
        next_ = numbers[-1] if numbers else None
        told = {"changes": changes, "asked": [], "next": next_, "left_out": left_out}
        return told | {"last": self.count}


def read(daemon, *keys):
    async def all_of_them():
        recent = RecentChanges()
        return [await recent.of(daemon, *key) for key in keys]

    return asyncio.run(all_of_them())


def test_the_newest_are_kept_in_their_order_and_read_once():
    daemon = ScriptedDaemon()

    first, again = read(daemon, *[("export", "contacts")] * 2)

    assert again is first
    assert daemon.asked.count("/v1/changes") == MOST // PAGE + 1
    ids = [int(one.change.record_id) for one in first.changes]
    assert ids == list(range(COUNT - MOST + 1, COUNT + 1))
    assert first.left_out == 7


def test_what_is_old_or_pushed_out_is_read_again(monkeypatch):
    daemon = ScriptedDaemon(10)
    keys = [("export", "a"), ("export", "b"), ("export", "c"), ("export", "a")]
    read(daemon, *keys)
    assert daemon.asked.count("/v1/properties") == 4
    monkeypatch.setattr(recent_changes, "SECONDS", -1.0)
    daemon.asked.clear()
    read(daemon, keys[0], keys[0])
    assert daemon.asked.count("/v1/properties") == 2


def test_an_empty_journal_is_no_error():
    (found,) = read(ScriptedDaemon(0), ("export", "contacts"))

    assert (found.changes, found.since, found.left_out) == ((), None, 0)
    assert tally(a_webhook(source="export", object="contacts"), found).changes == 0


def test_a_draft_is_held_against_changes_for_so_long_and_no_longer(monkeypatch):
    (found,) = read(ScriptedDaemon(100), ("export", "contacts"))
    webhook = a_webhook(source="export", object="contacts")
    assert tally(webhook, found).fired == 100

    monkeypatch.setattr(recent_changes, "LONGEST", -1.0)

    assert tally(webhook, found).changes == 1


def a_week(daemon):
    webhook = a_webhook(source="export", object="contacts")
    return asyncio.run(RecentChanges().week(daemon, webhook))


def test_a_week_is_replayed_page_by_page_up_to_what_was_there_when_it_began():
    found = a_week(ScriptedDaemon(2_500))

    assert (found.tally.changes, found.tally.fired) == (2_502, 2_502)
    assert (found.left_out, found.until) == (7, None)
    assert a_week(ScriptedDaemon(0)).tally.changes == 0


def test_a_week_that_takes_too_long_is_counted_as_far_as_there_was_time(monkeypatch):
    monkeypatch.setattr(recent_changes, "LONGEST_REPLAY", -1.0)

    found = a_week(ScriptedDaemon(2_500))

    assert (found.tally.changes, found.until) == (PAGE, NOW)
