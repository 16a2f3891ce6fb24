"""Signing many requests of a webhook: what is the same for them is worked out once.

    a definition is put in force    signer(signature)             keys are read and hashed
    a method and a URL are known    signer(…)(method, url)        what is signed before the body
    an attempt                      signer(…)(…)(body, id, …)     the rest, and the header's text

What each scheme signs is in `signing`, and in `hmac_signing` for the described ones; a request that
comes in is verified with those (`verification`).
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from typing import TYPE_CHECKING, TypeAlias

from webhookd.definitions import Scheme
from webhookd.rules import hmac_signing
from webhookd.rules.keyed_hash import KeyedHash
from webhookd.rules.signing import standard_webhooks_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.definitions import Signature

    Signer: TypeAlias = Callable[[str, str], "Sign"]
    """Takes the method and the full URL of requests and returns what signs them."""

    Sign: TypeAlias = Callable[[bytes, str, str, str], tuple[str, ...]]
    """Takes a body, the delivery's id, and when the attempt starts in seconds and in milliseconds
    since 1970. Returns the lines of the headers that sign it."""


def signer(signature: Signature) -> Signer:
    """Return what signs requests as *signature* says."""
    match signature.scheme:
        case Scheme.HUBSPOT_V1:
            return _hubspot_v1(signature)
        case Scheme.HUBSPOT_V2:
            return _hubspot_v2(signature)
        case Scheme.HUBSPOT_V3:
            return _hubspot_v3(signature)
        case Scheme.STANDARD_WEBHOOKS:
            return _standard_webhooks(signature)
        case Scheme.GITHUB | Scheme.STRIPE | Scheme.HMAC:
            return _described(signature)


def _hubspot_v1(signature: Signature) -> Signer:
    begun = hashlib.sha256(signature.client_secret.reveal().encode())

    def sign(body: bytes, _id: str, _seconds: str, _milliseconds: str) -> tuple[str, ...]:
        signed = begun.copy()
        signed.update(body)
        return f"X-HubSpot-Signature: {signed.hexdigest()}", "X-HubSpot-Signature-Version: v1"

    return lambda _method, _url: sign


def _hubspot_v2(signature: Signature) -> Signer:
    keyed = hashlib.sha256(signature.client_secret.reveal().encode())

    def of(method: str, url: str) -> Sign:
        begun = keyed.copy()
        begun.update(f"{method}{url}".encode())

        def sign(body: bytes, _id: str, _seconds: str, _milliseconds: str) -> tuple[str, ...]:
            signed = begun.copy()
            signed.update(body)
            return f"X-HubSpot-Signature: {signed.hexdigest()}", "X-HubSpot-Signature-Version: v2"

        return sign

    return of


def _hubspot_v3(signature: Signature) -> Signer:
    keyed = KeyedHash(signature.client_secret.reveal().encode(), "sha256")

    def of(method: str, url: str) -> Sign:
        digest = keyed.begun(f"{method}{url}".encode()).digest

        def sign(body: bytes, _id: str, _seconds: str, milliseconds: str) -> tuple[str, ...]:
            made = digest(body + milliseconds.encode())
            return (
                f"X-HubSpot-Signature-v3: {_base64(made)}",
                f"X-HubSpot-Request-Timestamp: {milliseconds}",
            )

        return sign

    return of


def _standard_webhooks(signature: Signature) -> Signer:
    secrets = (signature.client_secret, *signature.previous_client_secrets)
    digests = [
        KeyedHash(standard_webhooks_key(secret.reveal()), "sha256").digest for secret in secrets
    ]

    def sign(body: bytes, id_: str, seconds: str, _milliseconds: str) -> tuple[str, ...]:
        signed = f"{id_}.{seconds}.".encode() + body
        made = " ".join([f"v1,{_base64(digest(signed))}" for digest in digests])
        return (f"webhook-signature: {made}",)

    return lambda _method, _url: sign


def _described(signature: Signature) -> Signer:
    form = hmac_signing.form_of(signature)
    if form is None:
        raise ValueError("the scheme hmac needs its description")
    described = form.hmac
    secrets = (signature.client_secret, *signature.previous_client_secrets)
    digests = [
        KeyedHash(secret.reveal().encode(), described.algorithm).digest
        for secret in (secrets if form.again else secrets[:1])
    ]
    is_hex = described.encoding == "hex"

    def of(method: str, url: str) -> Sign:
        def sign(body: bytes, id_: str, seconds: str, milliseconds: str) -> tuple[str, ...]:
            facts = {
                "timestamp": seconds,
                "timestamp_ms": milliseconds,
                "id": id_,
                "method": method,
                "url": url,
            }
            signed = hmac_signing.signed(described, facts, body)
            made = [digest(signed) for digest in digests]
            shown = [one.hex() if is_hex else _base64(one) for one in made]
            return (f"{described.header}: {hmac_signing.value(form, facts, shown)}",)

        return sign

    return of


def _base64(digest: bytes) -> str:
    return b2a_base64(digest, newline=False).decode("ascii")
