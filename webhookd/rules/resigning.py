"""Signing a received request anew for another URL, where its signature covers the URL.

Only a signature that one of the secrets made for the URL it came to is made anew: a forged one
stays forged. Times and ids stay what they were, so that an old request stays old.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from webhookd.definitions import Scheme
from webhookd.rules import hmac_signing, signing
from webhookd.rules.hmac_signing import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from webhookd.definitions import Hmac
    from webhookd.model import Secret

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came: *url* is the full one, byte for byte; *headers* in their order."""

    method: str
    url: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Resigned:
    """A request's headers for another URL.

    *anew* are the schemes whose signature was made anew, *broken* those whose signature covers the
    URL and could not be: it does not verify there.
    """

    headers: Headers
    anew: tuple[Scheme, ...] = ()
    broken: tuple[Scheme, ...] = ()


def resigned(
    request: ReceivedRequest, url: str, secrets: Sequence[Secret], forms: Iterable[Hmac] = ()
) -> Resigned:
    """Return the headers of *request* for sending it to *url*.

    *secrets* are those that may have signed it, *forms* the described signatures (`hmac`).
    """
    changed: dict[str, str] = {}
    anew: list[Scheme] = []
    broken: list[Scheme] = []
    for covering in _covering(request, forms):
        signer = next((one for one in secrets if covering.is_by(one, request.url)), None)
        if signer is None:
            broken.append(covering.scheme)
        else:
            changed[covering.header] = covering.value(covering.sign(signer, url))
            anew.append(covering.scheme)
    headers = tuple((name, changed.get(name.lower(), value)) for name, value in request.headers)
    return Resigned(headers, tuple(anew), tuple(broken))


@dataclass(frozen=True, slots=True)
class _Covering:
    """A signature in *header* that covers the URL; *found* is what it is.

    *sign* makes one with a secret for a URL, *value* the header's value of it.
    """

    scheme: Scheme
    header: str
    found: str
    sign: Callable[[Secret, str], str]
    value: Callable[[str], str] = str

    def is_by(self, secret: Secret, url: str) -> bool:
        """Return whether *secret* made it for *url*."""
        made = self.sign(secret, url).encode()
        return hmac.compare_digest(made, self.found.encode("utf-8", "replace"))


def _covering(request: ReceivedRequest, forms: Iterable[Hmac]) -> Iterator[_Covering]:
    """Yield the signatures of *request* that cover its URL."""
    fields = {name.lower(): value.strip() for name, value in request.headers}
    method, body = request.method, request.body
    if (found := fields.get("x-hubspot-signature-v3")) is not None:
        at = fields.get("x-hubspot-request-timestamp", "")
        yield _Covering(
            Scheme.HUBSPOT_V3,
            "x-hubspot-signature-v3",
            found,
            lambda secret, url: signing.hubspot_v3(secret.reveal(), method, url, body, at),
        )
    if fields.get("x-hubspot-signature-version") == "v2" and "x-hubspot-signature" in fields:
        yield _Covering(
            Scheme.HUBSPOT_V2,
            "x-hubspot-signature",
            fields["x-hubspot-signature"],
            lambda secret, url: signing.hubspot_v2(secret.reveal(), method, url, body),
        )
    for form in forms:
        value = fields.get(form.header.lower())
        if value is not None and "url" in hmac_signing.holes(form.signs):
            yield from _described(request, Form(form), fields, value)


def _described(
    request: ReceivedRequest, form: Form, fields: dict[str, str], value: str
) -> Iterator[_Covering]:
    described = form.hmac
    found = hmac_signing.pattern(form).fullmatch(value)
    facts = {
        "id": fields.get("webhook-id", ""),
        "timestamp": fields.get("webhook-timestamp", ""),
        "method": request.method,
        "url": request.url,
    }
    told = {} if found is None else found.groupdict()
    facts |= {name: text for name, text in told.items() if name != "again"}
    if found is None or hmac_signing.signed_text(described, facts, request.body) is None:
        return

    def sign(secret: Secret, url: str) -> str:
        text = hmac_signing.signed(described, {**facts, "url": url}, request.body)
        return hmac_signing.digest(described, secret, text)

    yield _Covering(
        Scheme.HMAC,
        described.header.lower(),
        found["signature"],
        sign,
        lambda signature: hmac_signing.value(form, facts, [signature]),
    )
