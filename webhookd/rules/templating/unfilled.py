"""Requests that cannot be made now: a value or a secret that they ask for is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import Secret


class UnfilledError(Exception):
    """A request cannot be made now: a value is not there, or no URL comes of it.

    *reason* is that of the attempt; the message is a sentence without any value of a secret.
    """

    def __init__(self, reason: Literal["url", "secret"], detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def revealed(secrets: Mapping[str, Secret], name: str) -> str:
    """Return the secret *name*, or raise an `UnfilledError` where there is none any more."""
    found = secrets.get(name)
    if found is None:
        raise UnfilledError(
            "secret", f"the secret {name!r} is not in 'secrets' of the configuration any more"
        )
    return found.reveal()
