"""What is kept of an attempt's heads: the URL and headers as sent, and those of the answer.

Secrets never are: they are `***`. Nearly all of it is the same from one attempt to the next, so
that what was found of one text is remembered: an attempt costs a few microseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.errors import printable
from webhookd.rules import literal_secrets
from webhookd.rules.redaction import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.rules.redaction import Redactor

URL_KEPT: Final = 1024
REQUEST_KEPT: Final = 1600
ANSWER_KEPT: Final = 1200
"""Characters; all three, with what is said of the rest, are below 4 KiB."""

_VALUE_KEPT: Final = 600
_REMEMBERED: Final = 256
"""So many texts: as many as webhooks of a large configuration that are busy at a time."""


class ExchangeHeads:
    """Makes the texts that are kept, and remembers those made last. Used on one event loop."""

    def __init__(self) -> None:
        self._redactor: Redactor | None = None
        self._begun: dict[tuple[str, str], str] = {}
        self._answered: dict[tuple[tuple[bytes, bytes], ...], str] = {}
        self._latest: tuple[Sequence[tuple[bytes, bytes]], str] = ((), "")

    def sent(self, request: SignedRequest, redactor: Redactor) -> str:
        """Return URL and headers of *request*, a line each.

        Its id and time stand with the attempt anyway.
        """
        if redactor is not self._redactor:
            self._follow(redactor)
        # The two texts are the same objects from one attempt to the next, whose hashes are known.
        key = request.shown, request.begun
        begun = self._begun.get(key)
        if begun is None:
            begun = _remember(self._begun, key, _begun(request, redactor))
        own = request.own
        if request.is_templated:
            # What is signed and counted for one attempt holds no secret; what templates make may.
            own = [_header(line, redactor.text) for line in own]
        kept = "\n".join([begun, *own])
        if len(kept) <= REQUEST_KEPT:
            return kept
        return _bounded(kept, kept.index("\n") + 1 + REQUEST_KEPT)

    def answered(self, headers: Sequence[tuple[bytes, bytes]], redactor: Redactor) -> str:
        """Return the headers of an answer, a line each."""
        if redactor is not self._redactor:
            self._follow(redactor)
        # To compare costs a tenth of what the hash of so many texts does.
        latest, kept = self._latest
        if headers == latest:
            return kept
        key = tuple(headers)
        found = self._answered.get(key)
        if found is None:
            lines = [f"{_text(name)}: {_text(value)}" for name, value in headers]
            found = _bounded(_headers(lines, redactor), ANSWER_KEPT)
            _remember(self._answered, key, found)
        self._latest = headers, found
        return found

    def _follow(self, redactor: Redactor) -> None:
        """Forget all where other secrets are hidden now."""
        self._redactor = redactor
        self._begun.clear()
        self._answered.clear()
        self._latest = (), ""


def _begun(request: SignedRequest, redactor: Redactor) -> str:
    """Return the URL and the headers that all requests to it begin with."""
    lines = request.begun.split("\r\n")[1:]
    return f"{_url(request.shown, redactor)}\n{_headers(lines, redactor)}"


def _remember(known: dict, key: object, text: str) -> str:  # type: ignore[type-arg]
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = text
    return text


def _url(url: str, redactor: Redactor) -> str:
    shown = printable(redactor.text(literal_secrets.shown_url(url)))
    return shown if len(shown) <= URL_KEPT else f"{shown[: URL_KEPT - 1]}…"


def _headers(lines: Sequence[str], redactor: Redactor) -> str:
    return "\n".join(_header(line, redactor.text) for line in lines)


def _header(line: str, redact: Callable[[str], str]) -> str:
    """Return a header's line as it may be kept; redacted before it is shortened."""
    name, _, value = line.partition(": ")
    shown = redact(value)
    # What the configuration holds literally, or a receiver sets, is known by its name only.
    if MARK not in shown:
        shown = literal_secrets.shown_header(name, shown)
    elif name.lower() == "set-cookie":
        shown = MARK
    shown = printable(shown)
    shown = shown if len(shown) <= _VALUE_KEPT else f"{shown[: _VALUE_KEPT - 1]}…"
    return f"{printable(name)[:_VALUE_KEPT]}: {shown}"


def _bounded(text: str, room: int) -> str:
    """Return as many whole lines of *text* as there is room for; the last says how many more."""
    if len(text) <= room:
        return text
    kept = text[:room].rpartition("\n")[0]
    more = text.count("\n") - kept.count("\n")
    return f"{kept}\n…: {more} more headers, for which there is no room"


def _text(content: bytes) -> str:
    return content.decode("latin-1")
