"""The one error of sending: why no usable answer came, as a word and as a sentence."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from webhookd.model import Reason

_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})


class SendError(httpx.TransportError):
    """The request got no usable answer.

    *detail* names the receiver by host and port only: a URL's path and query hold secrets.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


def from_connecting(error: OSError, name: str) -> SendError:
    """Return what *error* means, met while connecting to the receiver *name*."""
    if isinstance(error, ConnectionRefusedError):
        return SendError("refused", f"{name} refuses connections: nothing listens there")
    if isinstance(error, ConnectionError):
        return SendError("reset", f"{name} broke off the connection at once: {words_of(error)}")
    if isinstance(error, TimeoutError):
        return SendError("connect_timeout", f"{name} cannot be connected to: {words_of(error)}")
    if error.errno in _OUT_OF_FILES:
        return SendError("internal", "too many open files: raise the daemon's LimitNOFILE")
    return SendError("refused", f"{name} cannot be connected to: {words_of(error)}")


def words_of(error: OSError) -> str:
    """Return the system's words for *error*: no addresses, paths or numbers."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
