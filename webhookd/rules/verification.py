"""Whether a received request is signed as it says: the receiver's side of `signing`."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd.definitions import Scheme
from webhookd.rules import hmac_signing, signing
from webhookd.rules.hmac_signing import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from webhookd.definitions import Hmac, Signature
    from webhookd.model import Secret

OLDEST_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Verified:
    """The request is signed by one of the secrets, under *scheme*."""

    scheme: Scheme


@dataclass(frozen=True, slots=True)
class Unverified:
    """The request is not proved genuine, and *why*; *scheme* is the one it claims, if any."""

    why: str
    scheme: Scheme | None = None


@dataclass(frozen=True, slots=True)
class Unsigned:
    """The request carries no signature of a scheme that is known."""


Verification: TypeAlias = Verified | Unverified | Unsigned


@dataclass(frozen=True, slots=True)
class _Received:
    """A request as it came; *headers* by lower-case name."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    secrets: Sequence[str]
    now: datetime


def verify(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Iterable[Secret],
    now: datetime,
    forms: Iterable[Hmac] = (),
) -> Verification:
    """Return which scheme proves the request genuine, or why none does.

    *url* is the full one as it was received, its query untouched. Where a request is signed
    in several ways, one that verifies is enough. *forms* are those of the scheme `hmac`.
    """
    fields = {name.lower(): value.strip() for name, value in headers.items()}
    held = list(secrets)
    received = _Received(method, url, fields, body, [one.reveal() for one in held], now)
    results = [*_results(received), *_described(received, held, forms)]
    results = results or [Unsigned()]
    return next((each for each in results if isinstance(each, Verified)), results[0])


def verify_as(
    signature: Signature,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> Verified | Unverified:
    """Return whether *signature* proves the request genuine: by its scheme alone.

    The arguments are those of `verify`. All secrets of the app verify, previous ones too.
    """
    fields = {name.lower(): value.strip() for name, value in headers.items()}
    held = (signature.client_secret, *signature.previous_client_secrets)
    received = _Received(method, url, fields, body, [one.reveal() for one in held], now)
    form = hmac_signing.form_of(signature)
    header = _NAMES[signature.scheme] if form is None else form.hmac.header.lower()
    if header not in fields:
        return Unverified(f"the request has no {header}", signature.scheme)
    if form is not None:
        return _verify_hmac(received, held, signature.scheme, form, fields[header])
    found = _VERIFY[signature.scheme](received)
    if found.scheme is not signature.scheme:
        return Unverified(f"the request is not signed as {signature.scheme}", signature.scheme)
    return found


def _results(received: _Received) -> list[Verification]:
    headers = received.headers
    results: list[Verification] = []
    if "x-hubspot-signature-v3" in headers:
        results.append(_verify_v3(received))
    if "x-hubspot-signature" in headers:
        results.append(_verify_versioned(received))
    if "webhook-signature" in headers:
        results.append(_verify_standard_webhooks(received))
    return results


def _described(
    received: _Received, secrets: Sequence[Secret], forms: Iterable[Hmac]
) -> Iterator[Verification]:
    """Yield what came of each signature that an HMAC made, of the presets or of *forms*."""
    known = [*hmac_signing.PRESETS.items(), *((Scheme.HMAC, Form(form)) for form in forms)]
    for scheme, form in known:
        value = received.headers.get(form.hmac.header.lower())
        if value is not None:
            yield _verify_hmac(received, secrets, scheme, form, value)


def _verify_hmac(
    received: _Received, secrets: Sequence[Secret], scheme: Scheme, form: Form, value: str
) -> Verified | Unverified:
    described = form.hmac
    found = hmac_signing.pattern(form).fullmatch(value)
    if found is None:
        return Unverified(f"{described.header} is not written as it should be", scheme)
    facts = {
        "id": received.headers.get("webhook-id", ""),
        "timestamp": received.headers.get("webhook-timestamp", ""),
        "method": received.method,
        "url": received.url,
    }
    facts |= {name: text for name, text in found.groupdict().items() if name != "again"}
    signed = hmac_signing.signed_text(described, facts, received.body)
    if signed is None:
        return Unverified("the request does not tell all that is signed", scheme)
    expected = [hmac_signing.digest(described, secret, signed) for secret in secrets]
    given = [found["signature"], *hmac_signing.further(form, found["again"])]
    if not _is_any(expected, given):
        return _unmatched(described.header, scheme)
    seconds = {"timestamp": 1, "timestamp_ms": 1000}
    for name, in_a_second in seconds.items():
        if name in hmac_signing.holes(described.signs):
            if not _TIMESTAMP.fullmatch(facts[name]):
                return Unverified("the time that is signed is not a number", scheme)
            age = signing.since_epoch(received.now)[1] / 1000
            return _in_time(age - int(facts[name]) / in_a_second, scheme)
    return Verified(scheme)


def _verify_v3(received: _Received) -> Verified | Unverified:
    scheme = Scheme.HUBSPOT_V3
    timestamp = received.headers.get("x-hubspot-request-timestamp", "")
    if not _TIMESTAMP.fullmatch(timestamp):
        return Unverified("X-HubSpot-Request-Timestamp is not a number of milliseconds", scheme)
    expected = [
        signing.hubspot_v3(secret, received.method, received.url, received.body, timestamp)
        for secret in received.secrets
    ]
    if not _is_any(expected, [received.headers["x-hubspot-signature-v3"]]):
        return _unmatched("X-HubSpot-Signature-v3", scheme)
    age = (signing.since_epoch(received.now)[1] - int(timestamp)) / 1000
    return _in_time(age, scheme)


def _verify_versioned(received: _Received) -> Verified | Unverified:
    version = received.headers.get("x-hubspot-signature-version", "")
    method, url, body = received.method, received.url, received.body
    if version == "v1":
        scheme = Scheme.HUBSPOT_V1
        expected = [signing.hubspot_v1(secret, body) for secret in received.secrets]
    elif version == "v2":
        scheme = Scheme.HUBSPOT_V2
        expected = [signing.hubspot_v2(secret, method, url, body) for secret in received.secrets]
    else:
        return Unverified("X-HubSpot-Signature-Version is neither v1 nor v2")
    if _is_any(expected, [received.headers["x-hubspot-signature"]]):
        return Verified(scheme)
    return _unmatched("X-HubSpot-Signature", scheme)


def _verify_standard_webhooks(received: _Received) -> Verified | Unverified:
    scheme = Scheme.STANDARD_WEBHOOKS
    delivery_id = received.headers.get("webhook-id", "")
    timestamp = received.headers.get("webhook-timestamp", "")
    if not delivery_id or not _TIMESTAMP.fullmatch(timestamp):
        return Unverified("webhook-id or webhook-timestamp is missing or malformed", scheme)
    keys = _keys(received.secrets)
    if not keys:
        return Unverified("no secret has the form whsec_ and base64 of 24 to 64 bytes", scheme)
    body = received.body
    expected = [signing.standard_webhooks(key, delivery_id, timestamp, body) for key in keys]
    if not _is_any(expected, received.headers["webhook-signature"].split()):
        return _unmatched("webhook-signature", scheme)
    return _in_time(signing.since_epoch(received.now)[0] - int(timestamp), scheme)


def _keys(secrets: Iterable[str]) -> list[bytes]:
    keys = []
    for secret in secrets:
        try:
            keys.append(signing.standard_webhooks_key(secret))
        except ValueError:
            continue  # a secret for HubSpot's schemes
    return keys


def _is_any(expected: Iterable[str], given: Sequence[str]) -> bool:
    """Compare in constant time; as bytes, because a hostile header need not be ASCII."""
    offered = [signature.encode("utf-8", "replace") for signature in given]
    return any(
        hmac.compare_digest(right.encode(), signature)
        for right in expected
        for signature in offered
    )


def _unmatched(header: str, scheme: Scheme) -> Unverified:
    return Unverified(f"{header} is not what any of the secrets gives for this request", scheme)


def _in_time(age: float, scheme: Scheme) -> Verified | Unverified:
    if age > OLDEST_SECONDS:
        return Unverified(f"the signature is right, but {age:.0f} seconds old", scheme)
    if age < -OLDEST_SECONDS:
        return Unverified(f"the signature is right, but {-age:.0f} seconds ahead", scheme)
    return Verified(scheme)


_VERIFY: Final[Mapping[Scheme, Callable[[_Received], Verified | Unverified]]] = {
    Scheme.HUBSPOT_V1: _verify_versioned,
    Scheme.HUBSPOT_V2: _verify_versioned,
    Scheme.HUBSPOT_V3: _verify_v3,
    Scheme.STANDARD_WEBHOOKS: _verify_standard_webhooks,
}
_NAMES: Final = {scheme: signing.headers_of(scheme)[0] for scheme in _VERIFY}
"""The header that a signature of each scheme is in."""
