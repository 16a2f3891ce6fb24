"""Requests made the straightforward way, each from nothing: what the quick way is compared with."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

import httpx

from webhookd.definitions import Scheme
from webhookd.delivery.signed_request import USER_AGENT
from webhookd.rules import hmac_signing, signing
from webhookd.rules.templating.bodies import with_secrets
from webhookd.rules.templating.live_parts import LiveParts
from webhookd.rules.url_encoding import (
    encode_query,
    full_url,
    with_bare_semicolons,
    without_bare_semicolons,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.authentication.credentials import Authorization
    from webhookd.definitions import Request, Signature
    from webhookd.model import Delivery, Secret

Headers = tuple[tuple[str, str], ...]


def request(
    form: Request,
    secrets: Mapping[str, Secret],
    delivery: Delivery,
    authorization: Authorization,
    at: datetime,
) -> tuple[str, Headers, bytes]:
    """Return the full URL, the headers and the body of an attempt at *delivery*."""
    is_bare = signing.needs_bare_semicolons(form.signatures)
    written = with_bare_semicolons if is_bare else without_bare_semicolons
    address, filled = form.address, {}
    if form.live is not None:
        live = LiveParts(form.live, written)
        scope = live.scope(delivery)
        address = live.url(scope, secrets) or address
        filled = dict(live.headers(scope, secrets))
    rendered = delivery.rendered
    key = encode_query([authorization.query]) if authorization.query else ""
    url = full_url(address, written(rendered.query), written(key))
    body = rendered.body or b""
    if rendered.holes:
        body = with_secrets(body, rendered.holes, rendered.content_type or "", secrets)
    live_names = () if form.live is None else form.live.headers
    headers = [
        ("host", httpx.URL(url).netloc.decode("ascii")),
        ("user-agent", USER_AGENT),
        *(header for header in form.headers if header[0] not in live_names),
        *authorization.headers,
        *identity(delivery.id, at),
        *filled.items(),
    ]
    if rendered.body is not None:
        headers.append(("content-length", str(len(body))))
    if rendered.content_type is not None:
        headers.append(("content-type", rendered.content_type))
    for signature in form.signatures:
        headers += signature_headers(
            signature,
            method=rendered.method,
            url=url,
            body=body,
            delivery_id=delivery.id,
            at=at,
        )
    return url, tuple(headers), body


def identity(delivery_id: str, at: datetime) -> Headers:
    """Return the headers that every request carries."""
    return ("webhook-id", delivery_id), ("webhook-timestamp", str(signing.since_epoch(at)[0]))


def signature_headers(
    signature: Signature, *, method: str, url: str, body: bytes, delivery_id: str, at: datetime
) -> Headers:
    """Return the headers that sign one attempt."""
    secrets = [
        secret.reveal() for secret in (signature.client_secret, *signature.previous_client_secrets)
    ]
    seconds, milliseconds = map(str, signing.since_epoch(at))
    name = "X-HubSpot-Signature"
    match signature.scheme:
        case Scheme.HUBSPOT_V1:
            made = signing.hubspot_v1(secrets[0], body)
            return (name, made), (f"{name}-Version", "v1")
        case Scheme.HUBSPOT_V2:
            made = signing.hubspot_v2(secrets[0], method, url, body)
            return (name, made), (f"{name}-Version", "v2")
        case Scheme.HUBSPOT_V3:
            made = signing.hubspot_v3(secrets[0], method, url, body, milliseconds)
            return (f"{name}-v3", made), ("X-HubSpot-Request-Timestamp", milliseconds)
        case Scheme.STANDARD_WEBHOOKS:
            keys = map(signing.standard_webhooks_key, secrets)
            made = " ".join(
                signing.standard_webhooks(key, delivery_id, seconds, body) for key in keys
            )
            return (("webhook-signature", made),)
        case Scheme.GITHUB | Scheme.STRIPE | Scheme.HMAC:
            facts = {
                "timestamp": seconds,
                "timestamp_ms": milliseconds,
                "id": delivery_id,
                "method": method,
                "url": url,
            }
            return (_described(signature, secrets, facts, body),)


def _described(
    signature: Signature, secrets: list[str], facts: dict[str, str], body: bytes
) -> tuple[str, str]:
    form = hmac_signing.form_of(signature)
    assert form is not None
    described = form.hmac
    signed = b"".join(
        body if part == "{{ body }}" else _filled(part, facts).encode()
        for part in _parts(described.signs)
    )

    def digest(secret: str) -> str:
        made = hmac.digest(secret.encode(), signed, described.algorithm)
        return made.hex() if described.encoding == "hex" else base64.b64encode(made).decode()

    value = _filled(described.value, {**facts, "signature": digest(secrets[0])})
    if form.again:
        value += "".join(
            _filled(form.again, {**facts, "signature": digest(secret)}) for secret in secrets[1:]
        )
    return described.header, value


def _parts(text: str) -> list[str]:
    before, mark, behind = text.partition("{{ body }}")
    return [before, mark, *_parts(behind)] if mark else [before]


def _filled(text: str, facts: Mapping[str, str]) -> str:
    """Return *text* with its holes filled; no fact may hold a hole itself."""
    for name, value in facts.items():
        text = text.replace("{{ " + name + " }}", value)
    return text
