"""The forms in which a secret may come back: as it is, and as the usual encoders write it."""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import quote, quote_plus

from webhookd.model import SHORTEST_SOUGHT
from webhookd.rules.escapes import text_of
from webhookd.rules.signing import KEY_PREFIX
from webhookd.rules.url_encoding import header_encoded, percent_encoded, with_bare_semicolons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ESCAPE = re.compile("%[0-9A-F]{2}")
_DOUBLE_QUOTES = ('"', "&quot;", "&#34;")
_SINGLE_QUOTES = ("'", "&#x27;", "&#39;", "&#039;", "&apos;")
_OLD_ENCODINGS: Final = ("latin-1", "cp1252")
_NORMAL_FORMS: Final[tuple[Literal["NFC", "NFD", "NFKC"], ...]] = ("NFC", "NFD", "NFKC")
_SHORTEST_MIDDLE = 8
"""Fewer characters of a secret inside some Base64 say nothing, and would be found anywhere."""


class Forms(NamedTuple):
    """Texts that give a secret away: *anywhere*, or only where they stand *whole*."""

    anywhere: frozenset[str]
    whole: frozenset[str]


def is_short(secret: str) -> bool:
    """Return whether *secret* may stand in any text by chance."""
    return len(secret) < SHORTEST_SOUGHT


def forms_of(secret: str, usernames: Iterable[str]) -> Forms:
    """Return every text that gives *secret* away; *usernames* are those of Basic (RFC 7617)."""
    anywhere: set[str] = set()
    whole: set[str] = set()
    for text in {secret, secret.removeprefix(KEY_PREFIX)}:
        # A short one in hexadecimal may be two digits, which any number has.
        encoded = {form for raw in _raw(text) for form in _encoded(raw) if not is_short(form)}
        (whole if is_short(text) else anywhere).update(encoded, _written(text))
    for user in usernames:
        for raw in _raw(f"{user}:{secret}"):
            for pair in _base64(raw):
                (whole if is_short(pair) else anywhere).add(pair)
    return Forms(frozenset(anywhere - {""}), frozenset(whole - {""}))


def _raw(text: str) -> Iterator[bytes]:
    """Yield *text* in the encodings that programs write where nobody told them which."""
    yield text.encode()
    if not text.isascii():
        for encoding in _OLD_ENCODINGS:
            with suppress(UnicodeEncodeError):
                yield text.encode(encoding)


def _written(secret: str) -> Iterator[str]:
    yield secret
    if not secret.isascii():
        yield from _beyond_ascii(secret)
    yield from _percent(secret)
    yield from _json(secret)
    yield from _html(secret)


def _beyond_ascii(secret: str) -> Iterator[str]:
    """Yield *secret* as it is read in another encoding, composed otherwise, and in a host's name.

    Its escapes are left out: they are undone before it is sought.
    """
    for raw in _raw(secret):
        yield text_of(raw)
        for encoding in _OLD_ENCODINGS:
            with suppress(UnicodeDecodeError):
                yield raw.decode(encoding)
    for form in _NORMAL_FORMS:
        yield unicodedata.normalize(form, secret)
    yield secret.encode("punycode").decode()


def _encoded(raw: bytes) -> Iterator[str]:
    yield from (raw.hex(), raw.hex().upper())
    yield from _base64(raw)
    yield from _base64_middles(raw)


def _percent(secret: str) -> Iterator[str]:
    strict = quote(secret, safe="")
    # WHATWG's form encoding leaves `*` and encodes `~`; Python's does the opposite.
    form_encoded = quote_plus(secret, safe="*").replace("~", "%7E")
    component = quote(secret, safe="!'()*")
    for form in (
        strict,
        quote(secret),
        quote_plus(secret),
        percent_encoded(secret),
        with_bare_semicolons(percent_encoded(secret)),
        form_encoded,
        component,
        header_encoded(secret),
    ):
        yield form
        yield _ESCAPE.sub(lambda escape: escape[0].lower(), form)


def _json(secret: str) -> Iterator[str]:
    for is_ascii in (True, False):
        form = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        yield form
        yield form.replace("/", "\\/")


def _html(secret: str) -> Iterator[str]:
    plain = html.escape(secret, quote=False)
    for double, single in product(_DOUBLE_QUOTES, _SINGLE_QUOTES):
        yield plain.replace('"', double).replace("'", single)


def _base64(raw: bytes) -> Iterator[str]:
    # The padding is left out: it says nothing, and some encoders omit it.
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _base64_middles(raw: bytes) -> Iterator[str]:
    """Give what of the secret is the same in every Base64 of a text around it.

    Three bytes make four characters, so there are three ways to lie in the text; of each, the
    characters that depend on the secret alone.
    """
    for before in range(3):
        start = -(-before * 8 // 6)
        end = (before + len(raw)) * 8 // 6
        whole = bytes(before) + raw
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            middle = encode(whole).decode()[start:end]
            if len(middle) >= _SHORTEST_MIDDLE:
                yield middle
