"""Signatures that an HMAC makes in a header of the receiver's choice; GitHub's, Stripe's.

What is signed and what the header says are texts with holes, `{{ name }}`; the two presets are
values of the same description. GitHub: "Validating webhook deliveries" (`X-Hub-Signature-256`).
Stripe: "Verify webhook signatures manually" (`Stripe-Signature`), with one `v1` for each secret.
"""

from __future__ import annotations

import base64
import hmac
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from webhookd.definitions import Hmac, Scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.definitions import Signature
    from webhookd.model import Secret

SIGNED_NAMES: Final = ("body", "timestamp", "timestamp_ms", "id", "method", "url")
VALUE_NAMES: Final = ("signature", "timestamp", "timestamp_ms", "id")
"""What a hole may name: of the text that is signed, and of the header's value."""

_HOLE = re.compile(r"\{\{ *([A-Za-z_]+) *\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


class Form(NamedTuple):
    """How a request is signed: *again* follows the header's value for each further secret."""

    hmac: Hmac
    again: str = ""


PRESETS: Final[Mapping[Scheme, Form]] = {
    Scheme.GITHUB: Form(
        Hmac("X-Hub-Signature-256", "sha256", "hex", "{{ body }}", "sha256={{ signature }}")
    ),
    Scheme.STRIPE: Form(
        Hmac(
            "Stripe-Signature",
            "sha256",
            "hex",
            "{{ timestamp }}.{{ body }}",
            "t={{ timestamp }},v1={{ signature }}",
        ),
        again=",v1={{ signature }}",
    ),
}


def form_of(signature: Signature) -> Form | None:
    """Return how *signature* is made, None where it is of another kind."""
    return Form(signature.hmac) if signature.hmac is not None else PRESETS.get(signature.scheme)


def holes(text: str) -> list[str]:
    """Return the names in *text*, in order; ValueError for braces that are no hole."""
    if _BRACES.search(_HOLE.sub("", text)):
        raise ValueError("a hole is written {{ name }}")
    return _HOLE.findall(text)


def signed(described: Hmac, facts: Mapping[str, str], body: bytes) -> bytes:
    """Return what is signed of a request; *facts* are the values of all names but `body`."""
    return _filled(described.signs, {name: text.encode() for name, text in facts.items()}, body)


def value(form: Form, facts: Mapping[str, str], signatures: Sequence[str]) -> str:
    """Return the header's value with the signatures of all secrets, the current one's first."""
    shown = _shown(form.hmac.value, {**facts, "signature": signatures[0]})
    return shown + "".join(
        _shown(form.again, {**facts, "signature": signature}) for signature in signatures[1:]
    )


def digest(described: Hmac, secret: Secret, signed: bytes) -> str:
    """Return the signature of *signed*, written as *described*."""
    made = hmac.digest(secret.reveal().encode(), signed, described.algorithm)
    return made.hex() if described.encoding == "hex" else base64.b64encode(made).decode()


def signed_text(described: Hmac, facts: Mapping[str, str], body: bytes) -> bytes | None:
    """Return what is signed of a request that was received; None where a fact is missing."""
    wanted = {name for _, name in _pieces(described.signs) if name} - {"body"}
    if wanted - facts.keys():
        return None
    return signed(described, facts, body)


@lru_cache(256)
def pattern(form: Form) -> re.Pattern[str]:
    """Return what finds the names in a header's value; further signatures are in `again`."""
    value = _as_pattern(form.hmac.value)
    again = "".join(
        "[^,]*" if name == "signature" else re.escape(text) for text, name in _pieces(form.again)
    )
    return re.compile(f"{value}(?P<again>(?:{again})*)" if again else f"{value}(?P<again>)")


def further(form: Form, again: str) -> list[str]:
    """Return the signatures of further secrets in what stands behind a header's value."""
    begin = "".join(text for text, name in _pieces(form.again) if not name)
    return again.split(begin)[1:] if begin else []


def _as_pattern(text: str) -> str:
    seen: set[str] = set()
    parts = []
    for literal, name in _pieces(text):
        if not name:
            parts.append(re.escape(literal))
        elif name in seen:
            parts.append(f"(?P={name})")
        else:
            seen.add(name)
            parts.append(f"(?P<{name}>[^,\\s]*)")
    return "".join(parts)


@lru_cache(256)
def _pieces(text: str) -> tuple[tuple[str, str], ...]:
    """Return *text* in pieces: a literal and no name, or nothing and the name of a hole."""
    parts = _HOLE.split(text)
    return tuple(
        (part, "") if number % 2 == 0 else ("", part) for number, part in enumerate(parts) if part
    )


def _filled(text: str, facts: Mapping[str, bytes], body: bytes) -> bytes:
    return b"".join(
        literal.encode() if not name else body if name == "body" else facts[name]
        for literal, name in _pieces(text)
    )


def _shown(text: str, facts: Mapping[str, str]) -> str:
    return "".join(facts[name] if name else literal for literal, name in _pieces(text))
