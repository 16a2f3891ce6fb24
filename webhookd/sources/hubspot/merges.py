"""Records that were merged into others: HubSpot answers for them with the other's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.model import Observation
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.polling.checkpoint import Checkpoint


async def tombstones(
    merged: Iterable[str],
    *,
    is_told: bool,
    fetcher: Fetcher,
    checkpoint: Checkpoint[Cursor],
) -> list[Observation]:
    """Return the deletions of the records *merged*, for the batch that takes what they became.

    Where deletions are not read (*is_told* is false) nobody is to hear of them: they are committed
    at once, as known, and nothing is returned.
    """
    deletions = [fetcher.merger(id_) for id_ in merged]
    if is_told:
        return deletions
    if deletions:
        await checkpoint.take_as_known(deletions)
    return []
