"""The secrets that the daemon hides: those of its configuration, and those learned since.

A `Redactor` is a frozen value; here is which one is in force, for log lines and for what is kept
of attempts alike. A configuration brings most secrets; a token that a server gave is learned
before a request can carry it, and outlives reloads.

Threads: whoever learns a secret may do so on any thread, under the lock. Whoever reads `redactor`
needs no lock: the attribute changes at once, from one frozen value to the next.
"""

from __future__ import annotations

import itertools
from threading import Lock
from typing import TYPE_CHECKING

from webhookd.rules.redaction import Redactor
from webhookd.telemetry.logs import redact_with

if TYPE_CHECKING:
    from webhookd.model import Secret

LEARNED_KEPT = 1_000
"""So many learned secrets are hidden at once, the newest: older tokens have long run out.

A token of 1 KB takes some 15 KB with its forms.
"""


class KnownSecrets:
    """Holds the redactor in force."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._configured = Redactor(())
        self._learned: dict[Secret, None] = {}
        self._redactor = self._configured

    @property
    def redactor(self) -> Redactor:
        """Return the redactor that knows every secret of now."""
        return self._redactor

    def redactor_since(self, began: Redactor) -> Redactor:
        """Return a redactor for what began under *began*: it knows the secrets of then and now."""
        current = self._redactor
        return current if began is current else began.joined(current)

    def adopt(self, configured: Redactor) -> None:
        """Hide what *configured* hides, a new configuration's, and what was learned at run time."""
        with self._lock:
            self._configured = configured
            self._put_in_force(configured.also(*self._learned))

    def learn(self, secret: Secret) -> None:
        """Hide *secret* from now on: in log lines, and in what is kept of attempts."""
        with self._lock:
            if secret in self._learned:
                return
            self._learned[secret] = None
            if len(self._learned) > LEARNED_KEPT:
                # By half at once, for what is left is built anew.
                newest = itertools.islice(self._learned, LEARNED_KEPT // 2, None)
                self._learned = dict.fromkeys(newest)
                self._put_in_force(self._configured.also(*self._learned))
            else:
                self._put_in_force(self._redactor.also(secret))

    def _put_in_force(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # The log drops the texts that it remembers: some may hold the secret just learned.
        redact_with(redactor.text)
