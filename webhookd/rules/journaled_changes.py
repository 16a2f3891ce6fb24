"""Changes as the journal tells them, turned into what rules look at.

The journal keeps of the state before only what differed; here it is whole again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from webhookd.model import Change, ChangeKind, deletion_of
from webhookd.rules.replay import Replay, Replayed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.model import Deletion


class JournalWalk:
    """Puts the journal through *into*, page by page, up to the change that was its last at first.

    *after* is the number behind which the next page begins, *seen_at* when the last change was seen
    that was taken, and *left_out* what is not known, as the last page says.
    """

    def __init__(self, into: Replay) -> None:
        self._into = into
        self._last: int | None = None
        self.after = 0
        self.is_over = False
        self.seen_at: datetime | None = None
        self.left_out: list[dict[str, Any]] = []

    def take(self, page: Mapping[str, Any]) -> None:
        """Take the next page; behind the last one the replay is finished, and it is over."""
        # What is seen from now on belongs to nobody's question, and might never end.
        if self._last is None:
            self._last = page["last"]
        for one in all_replayed(page):
            self._into.add(one)
            self.seen_at = one.seen_at
        self.left_out = page["left_out"]
        following = page["next"]
        if following is None or following >= self._last:
            self.is_over = True
            self._into.finish()
        else:
            self.after = following


def all_replayed(page: Mapping[str, Any]) -> list[Replayed]:
    """Return the changes of a page of the journal."""
    return [replayed(one, page["asked"]) for one in page["changes"]]


def replayed(told: Mapping[str, Any], asked: Sequence[Mapping[str, Any]]) -> Replayed:
    """Return a change as the journal tells it, beside what sources had *asked* for."""
    names, instants = None, frozenset[str]()
    if told["asked"] is not None:
        names, instants = (frozenset(asked[told["asked"]][key]) for key in ("names", "instants"))
    change = Change(
        kind=ChangeKind(told["change"]),
        source=told["source"],
        object=told["object"],
        record_id=told["record_id"],
        properties=told["properties"],
        previous=_previous(told["properties"], told["before"]),
        occurred_at=datetime.fromisoformat(told["occurred_at"]),
        instants=instants,
        deletion=_deletion(told),
    )
    seen_at = datetime.fromisoformat(told["seen_at"])
    return Replayed(change, seen_at, names, frozenset(told["enrolled"]))


def _deletion(told: Mapping[str, Any]) -> Deletion | None:
    """Return how the record was deleted; older daemons do not say."""
    how = deletion_of(told.get("deletion"))
    return None if how is None else replace(how, merged_into=told.get("merged_into"))


def _previous(
    properties: Mapping[str, str], before: Mapping[str, str | None] | None
) -> dict[str, str] | None:
    """Return all properties before, from those that differed."""
    if before is None:
        return None
    both = {**properties, **before}
    return {name: value for name, value in both.items() if value is not None}
