"""A request as the bytes that go out: nothing added but what HTTP/1.1 demands."""

from __future__ import annotations

import httpx

from webhookd.transport.failure import SendError
from webhookd.transport.request import PreparedRequest


def payload(request: httpx.Request) -> bytes:
    """Return *request*, head and body."""
    body = body_of(request)
    lines = [f"{request.method} {target_of(request).decode('ascii')} HTTP/1.1"]
    lines += [
        f"{name.decode('ascii')}: {value.decode('latin-1')}"
        for name, value in headers_of(request, body)
    ]
    return written("\r\n".join(lines), len(lines), body)


def written(head: str, lines: int, body: bytes) -> bytes:
    """Return a request with a *head* of so many *lines*, in Latin-1, and its *body*.

    Raises `SendError` where a line holds a line break or NUL.
    """
    checked(head, lines)
    return b"\r\n\r\n".join((head.encode("latin-1"), body))


def checked(head: str, lines: int) -> None:
    """Raise `SendError` unless *head* has so many *lines*, and no NUL."""
    # One line break more than there are ends of lines would let a value write headers.
    breaks = lines - 1
    if head.count("\n") != breaks or head.count("\r") != breaks or "\0" in head:
        raise SendError("internal", "the request's target or a header holds a control character")


def target_of(request: httpx.Request) -> bytes:
    """Return what is asked for, as it was signed where that is known."""
    target: bytes | None = request.extensions.get("target")
    return target or request.url.raw_path


def body_of(request: httpx.Request) -> bytes:
    """Return the body of *request*, which it must hold whole."""
    if not isinstance(request.stream, httpx.ByteStream):
        raise TypeError("a request needs its body whole: as bytes, not as a stream")
    return b"".join(request.stream)


def headers_of(request: httpx.Request, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of *request*, with those that HTTP/1.1 demands."""
    if isinstance(request, PreparedRequest):
        headers = list(request.raw_headers)
    else:
        headers = request.headers.raw
    names = {name.lower() for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"Host", request.url.netloc))
    if b"content-length" not in names and (body or request.method in {"POST", "PUT", "PATCH"}):
        headers.append((b"Content-Length", b"%d" % len(body)))
    return headers
