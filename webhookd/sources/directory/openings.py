"""Which openings of files may turn out to be crashes: those of daemons that died meanwhile.

Each opening is counted in the database before anything is read. While this process lives, none of
its own was a crash, however often a lost connection or another daemon's turn ends the reading: it
counts a file once, and takes that back when it leaves the file in good order.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from webhookd.errors import StorageError
from webhookd.sources.storage_retry import pauses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.sources.source import FileLedger


class Openings:
    """The openings that this process has counted, of all drop directories.

    Sources come and go with a fleet's locks; this stays. Everything runs on the event loop.
    """

    def __init__(self) -> None:
        self._counted: set[str] = set()
        self._taking_back: dict[str, asyncio.Task[None]] = {}

    def is_to_count(self, claim: str) -> bool:
        """Return whether an opening of a claimed file is to be counted: not if one of ours is."""
        if claim in self._taking_back:
            self._taking_back.pop(claim).cancel()
        is_first = claim not in self._counted
        self._counted.add(claim)
        return is_first

    def count(self, claims: Iterable[str]) -> None:
        """Note that the first openings of new claims are counted."""
        self._counted.update(claims)

    def keep(self, claim: str) -> None:
        """Leave the count as it is: the file was put away, or there is a bug that it brings out."""
        self._counted.discard(claim)

    async def take_back(self, claims: Iterable[str], ledger: FileLedger) -> None:
        """Take openings back, for they were no crash; later, where the database is away."""
        counted = [claim for claim in claims if claim in self._counted]
        if not counted:
            return
        if await _are_rested(counted, ledger):
            self._counted.difference_update(counted)
            return
        for claim in counted:
            task = asyncio.create_task(self._rest(claim, ledger), name=f"opening of {claim}")
            self._taking_back[claim] = task

    async def _rest(self, claim: str, ledger: FileLedger) -> None:
        for pause in pauses():
            await asyncio.sleep(pause)
            if await _are_rested([claim], ledger):
                break
        self._counted.discard(claim)
        del self._taking_back[claim]


async def _are_rested(claims: Iterable[str], ledger: FileLedger) -> bool:
    try:
        await ledger.rest(claims)
    except StorageError:
        return False
    return True
