"""`webhookd plan --replay`: the journal's changes, page by page, through the new file's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from webhookd.client.blocking import Client
from webhookd.definitions import durations
from webhookd.errors import WebhookdError
from webhookd.model import Change, ChangeKind
from webhookd.rules.replay import Replay, Replayed

PAGE = 1000

Pages: TypeAlias = Callable[[int], dict[str, Any]]
"""Gives the page of the journal behind a number."""


class NoReplayError(WebhookdError):
    """What was asked cannot be replayed."""


def duration(text: str) -> timedelta:
    """Return the length of time that the option says; NoReplayError when it says none."""
    try:
        return durations.duration(text)
    except ValueError as error:
        raise NoReplayError(f"--replay: {error}") from None


def from_daemon(client: Client, since: datetime) -> Pages:
    """Return the journal as the running daemon tells it."""
    return lambda after: client.get("/v1/changes", since=since.isoformat(), after=after, limit=PAGE)


def replay(pages: Pages, into: Replay) -> list[dict[str, Any]]:
    """Put the changes that are known now through *into*; return how many are not known."""
    after, last = 0, None
    while True:
        page = pages(after)
        # What is seen from now on belongs to nobody's question, and might never end.
        last = page["last"] if last is None else last
        for told in page["changes"]:
            into.add(replayed(told, page["asked"]))
        if page["next"] is None or page["next"] >= last:
            left_out: list[dict[str, Any]] = page["left_out"]
            return left_out
        after = page["next"]


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
    )
    seen_at = datetime.fromisoformat(told["seen_at"])
    return Replayed(change, seen_at, names, frozenset(told["enrolled"]))


def _previous(
    properties: Mapping[str, str], before: Mapping[str, str | None] | None
) -> dict[str, str] | None:
    """Return all properties before, from those that differed."""
    if before is None:
        return None
    both = {**properties, **before}
    return {name: value for name, value in both.items() if value is not None}
