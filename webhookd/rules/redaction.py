"""Secrets out of text: what a receiver echoes must not reach the database, a log or a screen."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from webhookd.definitions import Basic, Proxy
from webhookd.rules.encodings import forms_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import Definitions
    from webhookd.model import Secret

MARK = "***"

_BEGINNING = 4
"""By how many characters the forms are looked up."""

_LOOKED_AT = 2
"""How many times the limit is looked at of an answer, so that replacing may shorten it."""

_FEW = 100
"""So many forms are sought one by one faster than the text is walked through."""

_LAST_OF_TWO_DIGITS = 0xFF

# Control characters but tab and newline, and those that reverse or break lines unseen.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Redactor:
    """Replaces all secrets of a plan, and their encoded forms, by `***`.

    *usernames* are those of Basic authentication, which is sent as Base64 of name and secret.
    """

    __slots__ = ("_forms", "_lengths", "_longest", "_ordered", "_widths")

    def __init__(self, secrets: Iterable[Secret], *, usernames: Iterable[str] = ()) -> None:
        names = tuple(usernames)
        self._forms = {form for secret in secrets for form in forms_of(secret.reveal(), names)}
        self._ordered = sorted(self._forms)
        self._longest = max(map(len, self._forms), default=0)
        self._lengths = _lengths(self._forms)
        self._widths = sorted({len(beginning) for beginning in self._lengths})

    @classmethod
    def of(cls, definitions: Definitions) -> Redactor:
        """Return the redactor for every secret of *plan*."""
        requests = [webhook.request for webhook in definitions.webhooks.values()]
        basics = [one.authentication for one in requests] + [
            one.proxy.authentication for one in requests if isinstance(one.proxy, Proxy)
        ]
        usernames = {one.username for one in basics if isinstance(one, Basic)}
        return cls(definitions.secrets, usernames=usernames)

    def text(self, text: str) -> str:
        """Return *text* with every secret replaced."""
        spans = self._found(text)
        return _without(text, spans) if spans else text

    def answer(self, body: bytes, *, limit: int = 2048, is_cut: bool) -> str:
        """Return the first *limit* bytes of an answer as text that is safe to store and to show.

        Secrets are replaced before it is shortened. Where the body *is_cut*, its end may be the
        beginning of a secret, which goes too.
        """
        looked_at = limit * _LOOKED_AT + self._longest
        is_cut = is_cut or len(body) > looked_at
        text = _decoded(body[:looked_at], is_cut=is_cut)
        spans = self._found(text)
        if is_cut:
            spans = sorted([*spans, (self._begun(text), len(text))])
        return _shortened(_UNSAFE.sub(_escaped, _without(text, spans)), limit)

    def _found(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets stand, in order; where they overlap, each."""
        # A pattern of all forms would take seconds to compile for a thousand secrets; to look
        # up the few characters at each place takes no time to prepare.
        if len(self._forms) <= _FEW and not self._holds_one(text):
            return []
        spans = []
        for width in self._widths:
            begun = [at for at in range(len(text)) if text[at : at + width] in self._lengths]
            spans += [span for start in begun if (span := self._span(text, start, width))]
        return sorted(spans)

    def _holds_one(self, text: str) -> bool:
        # Every text of every log line comes by here: any() would take three times as long.
        for form in self._ordered:  # noqa: SIM110
            if form in text:
                return True
        return False

    def _span(self, text: str, start: int, width: int) -> tuple[int, int] | None:
        """Return the longest form that stands at *start*, of those that begin as it does there."""
        for length in self._lengths[text[start : start + width]]:
            if text[start : start + length] in self._forms:
                return start, start + length
        return None

    def _begun(self, text: str) -> int:
        """Return where the longest beginning of a secret at the end of *text* starts."""
        for start in range(max(0, len(text) - self._longest), len(text)):
            end = text[start:]
            place = bisect_left(self._ordered, end)
            if place < len(self._ordered) and self._ordered[place].startswith(end):
                return start
        return len(text)


def _lengths(forms: set[str]) -> dict[str, tuple[int, ...]]:
    """Return the lengths of the forms, longest first, by how they begin."""
    lengths: dict[str, set[int]] = {}
    for form in forms:
        lengths.setdefault(form[:_BEGINNING], set()).add(len(form))
    return {beginning: tuple(sorted(found, reverse=True)) for beginning, found in lengths.items()}


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Return *text* with *spans*, which are in order and may overlap, replaced."""
    pieces, kept_from = [], 0
    for start, end in _joined(spans):
        pieces += [text[kept_from:start], MARK]
        kept_from = end
    return "".join([*pieces, text[kept_from:]])


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif start < end:
            joined.append((start, end))
    return joined


def _decoded(body: bytes, *, is_cut: bool) -> str:
    """Decode UTF-8; of a body that is cut, without the first bytes of its last character."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(body, final=not is_cut)


def _escaped(character: re.Match[str]) -> str:
    code = ord(character[0])
    return f"\\x{code:02x}" if code <= _LAST_OF_TWO_DIGITS else f"\\u{code:04x}"


def _shortened(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")
