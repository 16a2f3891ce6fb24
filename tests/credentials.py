"""Credentials that do as a test says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from webhookd.authentication.credentials import Authorization

if TYPE_CHECKING:
    from webhookd.authentication.credentials import Renewal


class ScriptedCredentials:
    """Has numbered tokens; each answer 401 to the newest one makes another, up to the *last*.

    *heard* is what it was told of answers.
    """

    def __init__(self, *, last: int, renewal: Renewal = "at_once") -> None:
        self._last = last
        self._serial = 1
        self._renewal = renewal
        self.heard: list[tuple[int, int]] = []

    async def authorize(self, _at: object) -> Authorization:
        """Return the newest token, one turn of the event loop later."""
        await asyncio.sleep(0)
        header = ("authorization", f"Bearer {self._serial}")
        return Authorization((header,), serial=self._serial)

    def refused(self, serial: int, status: int) -> Renewal:
        """Return whether there is another token than the one refused."""
        self.heard.append((serial, status))
        if status != 401 or serial >= self._last:
            return None
        self._serial = serial + 1
        return self._renewal

    def age(self) -> float | None:
        """Return None: its tokens have no age."""
        return None
