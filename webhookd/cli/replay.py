"""`webhookd plan --replay`: the journal's changes, page by page, through the new file's rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from webhookd.client.blocking import Client
from webhookd.definitions import durations
from webhookd.errors import WebhookdError
from webhookd.rules.journaled_changes import JournalWalk
from webhookd.rules.replay import Replay

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
    walk = JournalWalk(into)
    while not walk.is_over:
        walk.take(pages(walk.after))
    return walk.left_out
