"""Passing a request on as it came, and getting the whole answer: for a developer's desk.

Deliveries go through `delivery.sender`, which keeps of an answer what an outcome needs; here the
answer is handed on, headers and all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from webhookd.transport.origin import origin_of
from webhookd.transport.payload import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.transport.http_transport import Transport
    from webhookd.transport.origin import SendOptions


@dataclass(frozen=True, slots=True)
class RelayedAnswer:
    """What came back: *body* up to the options' limit, *is_cut* where that was not all."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_cut: bool


def target_of(url: str) -> str:
    """Return path and query of *url*, as they stand there."""
    rest = url.partition("://")[2]
    start = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    target = rest[start:]
    return target if target.startswith("/") else f"/{target}"


async def relay(
    transport: Transport,
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    options: SendOptions,
) -> RelayedAnswer:
    """Send one request straight to *url*, without a proxy, and return its answer.

    *headers* lack Host and Content-Length, which are set here. Raises `SendError`.
    """
    parsed = httpx.URL(url)
    lines = [f"{method} {target_of(url)} HTTP/1.1", f"Host: {parsed.netloc.decode('ascii')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {len(body)}")
    sent = written("\r\n".join(lines), len(lines), body)
    answer = await transport.exchange(sent, method, origin_of(parsed, options.tls), options)
    return RelayedAnswer(
        answer.status,
        tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers),
        answer.body,
        answer.is_cut,
    )
