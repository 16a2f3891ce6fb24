"""Which deliveries are asked for: the filter in a page's address, in all its forms. Pure.

The same question is an address (to send to a colleague), what the admin API is asked, a command
line, and words on a page that asks before it acts.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from webhookd.definitions import durations
from webhookd.model import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIELDS: Final = (
    *("webhook", "state", "source", "object", "record_id", "change", "error", "since", "until"),
)
_OPTIONS: Final = {"record_id": "--record"}
_TIMES: Final = ("since", "until")
LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Question:
    """A filter as it was typed: *given* holds what is not empty."""

    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, get: Callable[[str], str]) -> Question:
        """Return the question whose fields *get* gives."""
        found = {name: get(name)[:LONGEST] for name in FIELDS}
        return cls({name: value for name, value in found.items() if value})

    def __bool__(self) -> bool:
        """Return whether anything is filtered."""
        return bool(self.given)

    def value(self, name: str) -> str:
        """Return what was typed in a field, empty for nothing."""
        return self.given.get(name, "")

    def but(self, **changes: str) -> dict[str, str]:
        """Return the address of the same question with some fields changed; empty ones left out."""
        changed = {**self.given, **changes}
        return {name: value for name, value in changed.items() if value}

    def asked(self, now: datetime) -> dict[str, Any]:
        """Return the filter as the admin API takes it; ValueError says what cannot be read."""
        if self.value("state") not in {"", *DeliveryState}:
            raise ValueError(f"{self.value('state')!r} is no state of a delivery")
        times = {name: _time(self.given[name], now) for name in _TIMES if name in self.given}
        return {**self.given, **{name: at.isoformat() for name, at in times.items()}}

    def command(self) -> str:
        """Return the same question as a command line."""
        words = ["webhookd", "deliveries", "list"]
        for name, value in self.given.items():
            words += [_OPTIONS.get(name, f"--{name}"), value]
        return shlex.join(words)


def _time(text: str, now: datetime) -> datetime:
    """Return the moment that a time, or a length before now, stands for."""
    try:
        return now - durations.duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        told = f"{text!r} is no time; write 2h, 3d, or 2026-03-01T12:00:00Z"
        raise ValueError(told) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
