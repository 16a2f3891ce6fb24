"""What a configuration holds apart from its definitions, and what came of reading one."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime


SHORTEST_SOUGHT = 8
"""A secret of fewer characters is not sought inside of texts: it would be found anywhere."""


class Secret:
    """A resolved secret. It shows itself as `***` everywhere but in `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself: for the request that needs it, never for text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, which would write the secret out."""
        raise TypeError("a secret cannot be pickled")


def revealed(text: str | Secret) -> str:
    """Return a text that may be a secret as it is: for the request that needs it."""
    return text.reveal() if isinstance(text, Secret) else text


ReloadOutcome: TypeAlias = Literal["loaded", "reloaded", "unchanged", "rejected"]


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What came of reading a configuration; *config_hash* is of the one in force now."""

    outcome: ReloadOutcome
    at: datetime
    config_hash: str
    problems: tuple[str, ...] = ()

    @property
    def is_in_force(self) -> bool:
        """Return whether what was read is what runs."""
        return self.outcome != "rejected"
