"""The secrets that the daemon hides: those of its configuration, and those learned since.

A `Redactor` is a frozen value; here is which one is in force, for log lines and for what is kept
of attempts alike. A configuration brings most secrets; a token that a server gave is learned
before a request can carry it, and outlives reloads.

Threads: whoever learns a secret may do so on any thread, under the lock. Whoever reads `redactor`
needs no lock: the attribute changes at once, from one frozen value to the next.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from webhookd.rules.redaction import Redactor
from webhookd.telemetry.logs import redact_with

if TYPE_CHECKING:
    from collections.abc import Hashable

    from webhookd.model import Secret

LEARNED_KEPT = 5_000
"""So many learned secrets are hidden at once, the newest.

A token of 1 KB takes some 40 KB with its forms. To learn another one beside a hundred takes 2 ms.
"""

EACH_KEPT = 3
"""So many are kept of those that took each other's place: older ones are sent no more. What began
under one of these is hidden by `redactor_since`."""

_CLEARED_AT = 128
"""Learned secrets at which old ones are dropped: all at once, for what is left is built anew."""


class KnownSecrets:
    """Holds the redactor in force."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._configured = Redactor(())
        self._learned: dict[Secret, Hashable] = {}
        self._cleared_at = _CLEARED_AT
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

    def learn(self, secret: Secret, of: Hashable = None) -> None:
        """Hide *secret* from now on: in log lines, and in what is kept of attempts.

        It takes the place of those learned before of the same *of*, if that is not None.
        """
        with self._lock:
            if secret in self._learned:
                # A server may give one again: it is as new as any.
                self._learned[secret] = self._learned.pop(secret)
                return
            self._learned[secret] = of
            if len(self._learned) <= min(self._cleared_at, LEARNED_KEPT):
                self._put_in_force(self._redactor.also(secret))
                return
            self._learned = _newest(self._learned)
            self._cleared_at = max(_CLEARED_AT, 2 * len(self._learned))
            self._put_in_force(self._configured.also(*self._learned))

    def _put_in_force(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # The log drops the texts that it remembers: some may hold the secret just learned.
        redact_with(redactor.text)


def _newest(learned: dict[Secret, Hashable]) -> dict[Secret, Hashable]:
    """Return the secrets that may still be met, in the order in which they were learned."""
    counts: Counter[Hashable] = Counter()
    kept = []
    for secret, of in reversed(learned.items()):
        counts[of] += 1
        if of is None or counts[of] <= EACH_KEPT:
            kept.append((secret, of))
    # By half at once where there are too many even so.
    most = len(kept) if len(kept) <= LEARNED_KEPT else LEARNED_KEPT // 2
    return dict(reversed(kept[:most]))
