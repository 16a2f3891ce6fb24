"""Known records: asked of the running daemon, else read in its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from webhookd.cli.client import find
from webhookd.cli.settings import require_outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Shown: TypeAlias = dict[str, Any]

PAGE = 1000


def listed(
    name: str | None, limit: int, state_directory: Path | None, database_url: str | None
) -> Iterator[Shown]:
    """Yield at most *limit* known records, of a source or object or of all.

    Raises UnknownNameError, or RefusedError by a daemon, for a *name* that nobody knows.
    """
    page = _pages(name, state_directory, database_url)
    left, after = limit, None
    while left:
        found = page(after, min(left, PAGE))
        yield from found["records"]
        left, after = left - len(found["records"]), found["next"]
        if after is None:
            return


def shown(
    typed: str, source: str | None, state_directory: Path | None, database_url: str | None
) -> list[Shown]:
    """Return the record OBJECT/ID that was *typed*, of each source that knows one.

    Raises UnknownRecordError, or RefusedError by a daemon, where none does.
    """
    daemon = find(state_directory) if database_url is None else None
    if daemon is not None:
        return list(daemon.get("/v1/records/show", record=typed, source=source)["records"])
    require_outbox(state_directory, database_url)
    from webhookd.cli import offline  # noqa: PLC0415 - see there

    return list(offline.shown_records(typed, source, state_directory, database_url)["records"])


def _pages(
    name: str | None, state_directory: Path | None, database_url: str | None
) -> Callable[[str | None, int], Shown]:
    daemon = find(state_directory) if database_url is None else None
    if daemon is not None:
        return lambda after, limit: daemon.get(
            "/v1/records/list", name=name, after=after, limit=limit
        )
    require_outbox(state_directory, database_url)
    from webhookd.cli import offline  # noqa: PLC0415 - see there

    return offline.listed_records(name, state_directory, database_url)
