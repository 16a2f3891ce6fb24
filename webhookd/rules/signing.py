"""Signatures: HubSpot's three, Standard Webhooks 1.0.0, and HMACs of other dialects.

HubSpot (its page "Validating requests"): v1 is the SHA-256 of secret and body, v2 of secret,
method, URL and body, both in hex and neither an HMAC; v3 is an HMAC-SHA256 over method, URL,
body and a timestamp in milliseconds. Standard Webhooks signs `id.timestamp.body`, with the
timestamp in seconds. What is signed is byte for byte what is sent.

Here is what is signed, and with what; requests that come in are verified with it. Those that go out
are signed by `signers`, which works out once what is the same for many.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from webhookd.definitions import Scheme
from webhookd.rules import hmac_signing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import Signature

KEY_PREFIX = "whsec_"
SHORTEST_KEY, LONGEST_KEY = 24, 64
_HEADERS = {
    Scheme.HUBSPOT_V1: ("x-hubspot-signature", "x-hubspot-signature-version"),
    Scheme.HUBSPOT_V2: ("x-hubspot-signature", "x-hubspot-signature-version"),
    Scheme.HUBSPOT_V3: ("x-hubspot-signature-v3", "x-hubspot-request-timestamp"),
    Scheme.STANDARD_WEBHOOKS: ("webhook-signature",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_OF_A_DAY = 86_400


def headers_of(scheme: Scheme) -> tuple[str, ...]:
    """Return the headers that *scheme* sets, in lower case; those of `hmac` are its own to say."""
    preset = hmac_signing.PRESETS.get(scheme)
    return _HEADERS.get(scheme, ()) if preset is None else (preset.hmac.header.lower(),)


def needs_bare_semicolons(signatures: Iterable[Signature]) -> bool:
    """Return whether a `;` in a query must go out as it is, for one of *signatures*.

    HubSpot's page has receivers of v3 decode `%3B` before they hash, and its libraries do not.
    """
    return any(signature.scheme is Scheme.HUBSPOT_V3 for signature in signatures)


def hubspot_v1(secret: str, body: bytes) -> str:
    """Return HubSpot's first signature, over the body alone."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def hubspot_v2(secret: str, method: str, url: str, body: bytes) -> str:
    """Return HubSpot's second signature, that of workflow webhooks."""
    return hashlib.sha256(f"{secret}{method}{url}".encode() + body).hexdigest()


def hubspot_v3(secret: str, method: str, url: str, body: bytes, timestamp: str) -> str:
    """Return HubSpot's third signature; *timestamp* is in milliseconds."""
    signed = f"{method}{url}".encode() + body + timestamp.encode()
    return _hmac(secret.encode(), signed)


def standard_webhooks(key: bytes, delivery_id: str, timestamp: str, body: bytes) -> str:
    """Return one signature of Standard Webhooks; *timestamp* is in seconds."""
    return "v1," + _hmac(key, f"{delivery_id}.{timestamp}.".encode() + body)


def _hmac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def standard_webhooks_key(secret: str) -> bytes:
    """Return the signing key in *secret*; raise a ValueError, which never shows it, if none is."""
    if not secret.startswith(KEY_PREFIX):
        raise ValueError(f"the secret does not begin with '{KEY_PREFIX}'")
    encoded = secret.removeprefix(KEY_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        # The cause may quote the secret, so it is not passed on.
        raise ValueError(f"what follows '{KEY_PREFIX}' in the secret is not base64") from None
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ValueError(
            f"the secret's key has {len(key)} bytes, not {SHORTEST_KEY} to {LONGEST_KEY}"
        )
    return key


def since_epoch(at: datetime) -> tuple[int, int]:
    """Return whole seconds since 1970 and whole milliseconds, both rounded down."""
    passed = at - _EPOCH
    seconds = passed.days * _SECONDS_OF_A_DAY + passed.seconds
    return seconds, seconds * 1000 + passed.microseconds // 1000
