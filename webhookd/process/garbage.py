"""When Python looks for cycles of objects that nobody needs: seldom, and not among what stays.

A delivery makes none, so a look that passes over all definitions finds nothing, and takes tens of
milliseconds on the event loop where there are a thousand webhooks.
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (20_000, 20, 20)

ALL_EVERY: Final = 16
"""At each so-many-th configuration what stayed of earlier ones is looked through as well."""


def sweep_rarely() -> None:
    """Look for cycles seldom from now on, and not among what is there already."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


class Keeping:
    """Passes over what configurations leave in memory, in later looks."""

    def __init__(self) -> None:
        self._times = 0

    def keep(self) -> None:
        """Have what is there now stay, after a look for what need not; on the event loop.

        Call it when a configuration has come into force. What is frozen and not needed any more
        goes all the same, unless it is part of a cycle.
        """
        self._times += 1
        if self._times % ALL_EVERY == 0:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
