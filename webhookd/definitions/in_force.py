"""The definitions in force: every part of the daemon reads them, only a reload replaces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhookd.definitions.definitions import Definitions


class InForce:
    """The definitions in force, replaced as a whole on the event loop.

    Any thread may read them. Whoever handles a batch or an attempt calls `current` once and keeps
    the value: the next call may return other definitions.
    """

    def __init__(self) -> None:
        self._definitions: Definitions | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether no configuration has been put in force yet."""
        return self._definitions is None

    def current(self) -> Definitions:
        """Return the definitions in force; RuntimeError before there are any."""
        if self._definitions is None:
            raise RuntimeError("no configuration is in force yet")
        return self._definitions

    def replace(self, definitions: Definitions) -> None:
        """Put *definitions* in force."""
        self._definitions = definitions
