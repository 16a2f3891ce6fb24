"""What a list lacks of the known records, and whether it is believed before anything is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.telemetry.events import AbsenceSetAside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webhookd.model import MissingRecords
    from webhookd.sources.source import SetAside


FEW_RECORDS: Final = 10
"""As many may be missing without a question, if not all are."""


def is_usual(known: int, missing: int) -> bool:
    """Return whether a list may lack so many of the *known* records: few, or half, but not all."""
    return not missing or (missing < known and (missing <= FEW_RECORDS or 2 * missing <= known))


async def count(missing: Callable[[str], Awaitable[MissingRecords]]) -> tuple[int, int]:
    """Return how many records are known, and how many of them are missing.

    *missing* returns some of these, behind an id; each call looks at a bounded number of records.
    """
    known, lacking, place, is_last = 0, 0, "", False
    while not is_last:
        found = await missing(place)
        known, lacking = known + found.known, lacking + len(found.record_ids)
        place, is_last = found.place, found.is_last
    return known, lacking


async def doubted(
    absence: SetAside,
    before: SetAside | None,
    is_accepted: Callable[[], Awaitable[bool]],
    *,
    source: str,
    object_: str,
    is_empty: bool = False,
) -> SetAside | None:
    """Return what is set aside of an *absence*; None where it is believed, and may be acted on.

    *before* is what was set aside last; *is_accepted* asks whether a person let that through. A
    pass that *is_empty*, as it met nothing at all, is not believed. That an absence is not believed
    is reported once for each time it gets more.
    """
    known, missing = absence.known, absence.missing
    if not missing or (not is_empty and is_usual(known, missing)):
        return None
    if before is not None:
        if missing <= before.missing + FEW_RECORDS and await is_accepted():
            return None
        if missing <= before.missing:
            return before
    telemetry.report(AbsenceSetAside(source, object_, missing=missing, known=known))
    return absence
