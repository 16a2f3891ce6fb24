"""Whether a request comes from who may wake a source."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from webhookd.authentication.credentials import fixed
from webhookd.rules.verification import Verified, verify_as

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.definitions import ApiKey, Basic, Bearer, Wake


@dataclass(frozen=True, slots=True)
class ReceivedWake:
    """A request as it came: *url* is what its sender called, *headers* are by lower-case name."""

    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


async def refusal(wake: Wake, request: ReceivedWake, now: datetime) -> str | None:
    """Return why *request* does not prove that it may wake; None where it does."""
    if wake.authentication is not None:
        return await _authentication_refusal(wake.authentication, request, now)
    why = "the source names no signature"
    for signature in wake.signatures:
        found = verify_as(
            signature,
            method="POST",
            url=request.url,
            headers=request.headers,
            body=request.body,
            now=now,
        )
        if isinstance(found, Verified):
            return None
        why = found.why
    return why


async def _authentication_refusal(
    authentication: ApiKey | Bearer | Basic, request: ReceivedWake, now: datetime
) -> str | None:
    # What our own requests would carry, as webhooks and sources do.
    wanted = await fixed(authentication).authorize(now)
    if wanted.query is not None:
        name, secret = wanted.query
        given = [value for key, value in _pairs(request.query) if key == name]
        return None if len(given) == 1 and _same(given[0], secret) else "the key is another one"
    for name, value in wanted.headers:
        found = request.headers.get(name.lower())
        if found is None:
            return f"the request has no {name.lower()}"
        if not _same(found, value):
            return f"the {name.lower()} is another one"
    return None


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return []


def _same(given: str, wanted: str) -> bool:
    """Compare in constant time; as bytes, because a hostile text need not be ASCII."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass")
    )
