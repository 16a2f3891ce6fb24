"""Signatures: HubSpot's three, Standard Webhooks 1.0.0, and HMACs of other dialects.

HubSpot (its page "Validating requests"): v1 is the SHA-256 of secret and body, v2 of secret,
method, URL and body, both in hex and neither an HMAC; v3 is an HMAC-SHA256 over method, URL,
body and a timestamp in milliseconds. Standard Webhooks signs `id.timestamp.body`, with the
timestamp in seconds. What is signed is byte for byte what is sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from webhookd.definitions import Scheme
from webhookd.rules import hmac_signing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import Signature

Headers: TypeAlias = tuple[tuple[str, str], ...]

KEY_PREFIX = "whsec_"
SHORTEST_KEY, LONGEST_KEY = 24, 64
_HEADERS = {
    Scheme.HUBSPOT_V1: ("x-hubspot-signature", "x-hubspot-signature-version"),
    Scheme.HUBSPOT_V2: ("x-hubspot-signature", "x-hubspot-signature-version"),
    Scheme.HUBSPOT_V3: ("x-hubspot-signature-v3", "x-hubspot-request-timestamp"),
    Scheme.STANDARD_WEBHOOKS: ("webhook-signature",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def identity(delivery_id: str, at: datetime) -> Headers:
    """Return the headers that every request carries: the delivery's id and the attempt's time."""
    return (("webhook-id", delivery_id), ("webhook-timestamp", str(seconds_since_epoch(at))))


def headers(
    signature: Signature, *, method: str, url: str, body: bytes, delivery_id: str, at: datetime
) -> Headers:
    """Return the headers that sign one attempt; those of `identity` go with every request.

    *url* is the full one with its query as sent, *body* empty where there is none, *at* the
    start of the attempt and the same as given to `identity`.
    """
    secret = signature.client_secret.reveal()
    match signature.scheme:
        case Scheme.HUBSPOT_V1:
            return _versioned("v1", hubspot_v1(secret, body))
        case Scheme.HUBSPOT_V2:
            return _versioned("v2", hubspot_v2(secret, method, url, body))
        case Scheme.HUBSPOT_V3:
            timestamp = str(milliseconds_since_epoch(at))
            return (
                ("X-HubSpot-Signature-v3", hubspot_v3(secret, method, url, body, timestamp)),
                ("X-HubSpot-Request-Timestamp", timestamp),
            )
        case Scheme.STANDARD_WEBHOOKS:
            return (("webhook-signature", _rotating(signature, delivery_id, at, body)),)
        case Scheme.GITHUB | Scheme.STRIPE | Scheme.HMAC:
            return (_described(signature, method, url, body, delivery_id, at),)


def _described(
    signature: Signature, method: str, url: str, body: bytes, delivery_id: str, at: datetime
) -> tuple[str, str]:
    form = hmac_signing.form_of(signature)
    if form is None:
        raise ValueError("the scheme hmac needs its description")
    facts = {
        "timestamp": str(seconds_since_epoch(at)),
        "timestamp_ms": str(milliseconds_since_epoch(at)),
        "id": delivery_id,
        "method": method,
        "url": url,
    }
    secrets = (signature.client_secret, *signature.previous_client_secrets)
    return hmac_signing.header(form, secrets, facts, body)


def headers_of(scheme: Scheme) -> tuple[str, ...]:
    """Return the headers that *scheme* sets, in lower case; those of `hmac` are its own to say."""
    preset = hmac_signing.PRESETS.get(scheme)
    return _HEADERS.get(scheme, ()) if preset is None else (preset.hmac.header.lower(),)


def needs_bare_semicolons(signatures: Iterable[Signature]) -> bool:
    """Return whether a `;` in a query must go out as it is, for one of *signatures*.

    HubSpot's page has receivers of v3 decode `%3B` before they hash, and its libraries do not.
    """
    return any(signature.scheme is Scheme.HUBSPOT_V3 for signature in signatures)


def _versioned(version: str, digest: str) -> Headers:
    return (("X-HubSpot-Signature", digest), ("X-HubSpot-Signature-Version", version))


def _rotating(signature: Signature, delivery_id: str, at: datetime, body: bytes) -> str:
    """Return one signature per secret, the current one's first."""
    secrets = (signature.client_secret, *signature.previous_client_secrets)
    keys = [standard_webhooks_key(secret.reveal()) for secret in secrets]
    timestamp = str(seconds_since_epoch(at))
    return " ".join(standard_webhooks(key, delivery_id, timestamp, body) for key in keys)


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


def seconds_since_epoch(at: datetime) -> int:
    """Return whole seconds since 1970, rounded down."""
    return (at - _EPOCH) // timedelta(seconds=1)


def milliseconds_since_epoch(at: datetime) -> int:
    """Return whole milliseconds since 1970, rounded down."""
    return (at - _EPOCH) // timedelta(milliseconds=1)
