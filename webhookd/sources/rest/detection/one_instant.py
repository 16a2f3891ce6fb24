"""An instant that has more records than a page: its pages are read from the last one to the first.

Records leave an instant, since what changes gets a later time, and the rows behind each move one
place towards the first. Pages that are read forwards skip some of them then; read backwards, they
meet some twice. What joins an instant does so while that lasts, and the next sweep begins no later.

The last page is looked for first: page 4, 16, 64, …, and then halfway between one that is of the
instant and one that is behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FACTOR: Final = 4
"""How many times as far the next page is looked for while none behind the instant was seen."""


@dataclass(frozen=True, slots=True)
class Met:
    """What a page was: *rows* it had, and whether the first and the last are of the instant.

    *is_last*: the list has no page behind it.
    """

    rows: int
    begins: bool
    ends: bool
    is_last: bool

    @property
    def is_end(self) -> bool:
        """Return whether the instant is seen to end on the page."""
        return self.is_last or not self.ends


@dataclass(frozen=True, slots=True)
class Backwards:
    """How far the pages of one instant have been read; a page has *stride* rows.

    The last page is not before the page *low*, counted from 0, and before the page *high*; None
    where no such page is known. *is_wall*: that one was refused. Once the last one is known, all
    rows from the number *behind* on are read. *is_exact*: a page is found by the number of a row,
    so that one that is cut short leaves a gap.
    """

    stride: int
    is_exact: bool
    low: int = 0
    high: int | None = None
    is_wall: bool = False
    behind: int | None = None

    @property
    def row(self) -> int:
        """Return the number of the row that the page to be read next begins with."""
        if self.behind is None:
            return self._looked_at * self.stride
        return max(0, self.behind - self.stride)

    @property
    def page(self) -> int:
        """Return the number of the page to be read next, from 0."""
        return self.row // self.stride

    @property
    def _looked_at(self) -> int:
        if self.high is None:
            return (self.low + 1) * FACTOR - 1
        return min((self.low + self.high + 1) // 2, self.high)

    def after(self, met: Met) -> Backwards | None:
        """Return what is to be read after a page; None when all of the instant is."""
        if self.behind is not None:
            return self._read_before(met)
        page = self._looked_at
        if not met.rows or not met.begins:
            return self._from(page * self.stride if page == self.low + 1 else None, high=page)
        is_known = page + 1 == self.high and not self.is_wall
        if met.is_end or is_known:
            is_whole = met.is_end or not self.is_exact or met.rows >= self.stride
            return self._from((page if is_whole else page + 1) * self.stride, high=self.high)
        if page == self.high:
            # It was refused before, and is not any more.
            return replace(self, low=page, high=None, is_wall=False)
        return replace(self, low=page)

    def refused(self) -> Backwards | None:
        """Return how it goes on where the page was refused; None when it does not.

        Some APIs refuse pages far behind the end of a list.
        """
        page = self._looked_at
        if self.behind is not None or page <= self.low + 1:
            return None
        return replace(self, high=page, is_wall=True)

    def _from(self, behind: int | None, high: int | None) -> Backwards:
        return replace(self, high=high, is_wall=False, behind=behind)

    def _read_before(self, met: Met) -> Backwards | None:
        behind = self.behind or 0
        start = max(0, behind - self.stride)
        is_cut = self.is_exact and not met.is_last and start + met.rows < behind
        if is_cut and met.rows:
            return replace(self, stride=met.rows)
        return replace(self, behind=start) if start else None
