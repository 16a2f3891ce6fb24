"""What can go wrong when the daemon is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import Mapping


class NoDaemonError(WebhookdError):
    """No daemon answers where one was looked for."""

    exit_code = 3


class LostError(WebhookdError):
    """The daemon went away in the middle of its answer."""


class RefusedError(WebhookdError):
    """The daemon understood and refused; *answer* is what it said."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        self.status = status
        self.answer = answer
        super().__init__(str(answer.get("error", f"the daemon answered {status}")))
