"""What all events have in common."""

from __future__ import annotations


class Event:
    """One thing that happened: a frozen value, named after the log event that tells of it.

    Whoever sees it happen reports it once, to `Reporter`; listeners decide what to make of it.
    Texts stand in an event as they came: a listener that shows them elsewhere than in the log must
    pass them through `logs.redacted` first, for an error may quote a secret.
    """

    __slots__: tuple[str, ...] = ()
