"""Where the reading of a type of object stands, and the only way forward: a committed batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from webhookd.model import Batch, PollProgress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from webhookd.model import JsonText, KnownState, Listed, Members, MissingRecords, Observation
    from webhookd.sources.source import Ingest, PollLedger
    from webhookd.sources.storage_retry import StorageRetry
    from webhookd.telemetry.figures import PollFigures


class Cursor(Protocol):
    """How far a type of object has been read: all that a restart needs to go on."""

    def text(self) -> JsonText:
        """Return the cursor as it is stored."""


Completed: TypeAlias = "tuple[Sequence[Observation], Sequence[Members]]"
"""Observations with what another part of a source knows of their records, and news of lists."""

AnyCursor = TypeVar("AnyCursor", bound=Cursor)


class Checkpoint(Generic[AnyCursor]):
    """The committed cursor of a type of object, and what is known of its records.

    *parsed* makes a cursor of its stored text. Every method waits until the database answers.
    *complete*, if it is set, adds what else is known of records to all that is handed over.
    """

    complete: Callable[[AnyCursor, Sequence[Observation]], Awaitable[Completed]] | None

    def __init__(
        self,
        source: str,
        object_: str,
        *,
        parsed: Callable[[JsonText], AnyCursor],
        ingest: Ingest,
        ledger: PollLedger,
        storage_retry: StorageRetry,
        figures: PollFigures,
    ) -> None:
        self._source = source
        self._object = object_
        self._parsed = parsed
        self._ingest = ingest
        self._ledger = ledger
        self._stored = storage_retry.until_stored
        self._figures = figures
        self._cursor: AnyCursor | None = None
        self.complete = None

    def complete_with(
        self, complete: Callable[[AnyCursor, Sequence[Observation]], Awaitable[Completed]]
    ) -> None:
        """Add what *complete* knows to all that is handed over from now on."""
        self.complete = complete

    async def cursor(self) -> AnyCursor | None:
        """Return the cursor as it was last committed; None before the first."""
        if self._cursor is None:
            text = await self._stored(lambda: self._ledger.cursor(self._source, self._object))
            self._cursor = None if text is None else self._parsed(text)
        return self._cursor

    async def advance(
        self,
        cursor: AnyCursor,
        observations: Sequence[Observation] = (),
        *,
        archive_pass: int = 0,
        archived: Sequence[str] = (),
        unarchived: Sequence[str] = (),
        listed: Sequence[Listed] = (),
        forgotten: str | None = None,
        members: Sequence[Members] = (),
    ) -> None:
        """Return when *observations* are taken and *cursor* is theirs, in one transaction."""
        if self.complete is not None:
            observations, members = await self.complete(cursor, observations)
        progress = PollProgress(
            self._source,
            self._object,
            cursor.text(),
            archive_pass=archive_pass,
            archived=tuple(archived),
            unarchived=tuple(unarchived),
            listed=tuple(listed),
            forgotten=forgotten,
            members=tuple(members),
        )
        batch = Batch(self._source, tuple(observations), progress)
        changes = await self._stored(lambda: self._ingest(batch))
        self._cursor = cursor
        self._figures.read(len(observations), changes)

    async def take_as_known(self, observations: Sequence[Observation]) -> None:
        """Return when *observations* are stored, reported to nobody; the cursor stays."""
        cursor = await self.cursor()
        if cursor is None:
            raise RuntimeError("nothing is known before the first cursor")
        progress = PollProgress(self._source, self._object, cursor.text())
        batch = Batch(self._source, tuple(observations), progress, as_known=True)
        await self._stored(lambda: self._ingest(batch))

    async def forget(self, cursor: AnyCursor, claim: str) -> None:
        """Return when nothing is kept of the pass *claim*, a bounded part at a time."""
        while await self._stored(lambda: self._ledger.is_kept(claim)):
            await self.advance(cursor, forgotten=claim)

    async def listed(self, claim: str, ids: Sequence[str]) -> frozenset[str]:
        """Return those of *ids* that the pass *claim* over a list met."""
        return await self._stored(lambda: self._ledger.listed(claim, ids))

    async def missing(
        self, claim: str, *, after: str, modified_before: datetime | None
    ) -> MissingRecords:
        """Return some known records behind the id *after* that the pass *claim* did not meet."""
        return await self._stored(
            lambda: self._ledger.missing(
                self._source, self._object, claim, after=after, modified_before=modified_before
            )
        )

    async def memberships(
        self, lists: Sequence[str], ids: Sequence[str]
    ) -> Mapping[str, frozenset[str]]:
        """Return those of the *lists* that each of the records *ids* is a member of."""
        return await self._stored(
            lambda: self._ledger.memberships(self._source, self._object, lists, ids)
        )

    async def unmet(self, list_: str, *, number: int, after: str) -> MissingRecords:
        """Return some members of a list behind the id *after* that the pass *number* did not meet.

        Those that joined while it was under way do not count as known.
        """
        return await self._stored(
            lambda: self._ledger.unmet(
                self._source, self._object, list_, number=number, after=after
            )
        )

    async def accepted(self) -> int | None:
        """Return the pass whose absences a person let through last, None without one."""
        return await self._stored(lambda: self._ledger.accepted(self._source, self._object))

    async def known(self, ids: Sequence[str]) -> Mapping[str, bool]:
        """Return those of *ids* that are known, and whether as deleted."""
        return await self._stored(lambda: self._ledger.known(self._source, self._object, ids))

    async def modified(self, ids: Sequence[str]) -> Mapping[str, datetime | None]:
        """Return when those of *ids* were modified that are known, and not as deleted."""
        return await self._stored(lambda: self._ledger.modified(self._source, self._object, ids))

    async def states(self, ids: Sequence[str]) -> Mapping[str, KnownState]:
        """Return those of *ids* that are known, without their properties."""
        return await self._stored(lambda: self._ledger.states(self._source, self._object, ids))

    async def outdated(self, names: frozenset[str], *, after: str, limit: int) -> Sequence[str]:
        """Return known records for which not all of *names* were asked."""
        return await self._stored(
            lambda: self._ledger.outdated(
                self._source, self._object, names, after=after, limit=limit
            )
        )

    async def unarchived(self, *, before: int, limit: int) -> Sequence[str]:
        """Return ids that were met in the archive in a pass *before* this one, and not since."""
        return await self._stored(
            lambda: self._ledger.unarchived(self._source, self._object, before=before, limit=limit)
        )
