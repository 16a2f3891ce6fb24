"""The application that wakes come to: `POST /sources/NAME/wake`, and nothing else.

A wake is a hint, never data: whatever its body says, the source is polled. So one that is forged,
lost or sent again costs a poll at the most.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd import telemetry
from webhookd.inbound.wake_senders import ReceivedWake, refusal
from webhookd.telemetry.events import BugFound, WakeAccepted

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from webhookd.clock import Clock
    from webhookd.definitions import Definitions, Wake
    from webhookd.inbound.refused_wakes import Reason, RefusedWakes

LARGEST_BODY: Final = 256 * 1024
"""Bytes of a body. It is read because signatures cover it."""

ACCEPTED, UNAUTHORIZED, NOT_FOUND, NOT_ALLOWED, TOO_LARGE, BROKEN = 202, 401, 404, 405, 413, 500

_PATH: Final = re.compile(rb"/sources/([a-z][a-z0-9_-]{0,199})/wake")
"""A path has one name: none that is percent-encoded, or has one slash more, leads here."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    error: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class WakeApplication:
    """Has sources polled whose wakes come from who may send them.

    *definitions* are those in force, *wake* is called with the name of a source. *url* is what
    senders call the listener, which some sign; without it, what the request itself says.
    """

    def __init__(
        self,
        definitions: Callable[[], Definitions],
        wake: Callable[[str], None],
        refused: RefusedWakes,
        clock: Clock,
        url: str | None = None,
    ) -> None:
        self._definitions = definitions
        self._wake = wake
        self._refused = refused
        self._now = clock.now
        self._url = url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, receive)
        except Exception as error:  # noqa: BLE001 - a bug costs a request
            telemetry.report(BugFound("inbound.request_broke", error))
            answer = _Answer(BROKEN, "a bug in webhookd; its log has the details")
        if answer is None:
            return
        body = json.dumps({"error": answer.error}).encode() if answer.error else b""
        headers = [(b"content-length", b"%d" % len(body)), *answer.headers]
        if body:
            headers.append((b"content-type", b"application/json"))
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer | None:
        """Return the answer, None where the sender went away before its request was whole."""
        found = _PATH.fullmatch(scope["raw_path"])
        name = found[1].decode() if found else ""
        source = self._definitions().sources.get(name)
        wake = None if source is None else source.wake
        if wake is None:
            # What is no source, and what nobody may wake, looks the same.
            return self._refuse(None, "unknown", NOT_FOUND, "there is nothing here")
        if scope["method"] != "POST":
            allowed = ((b"allow", b"POST"),)
            return self._refuse(name, "method", NOT_ALLOWED, "a wake is a POST", headers=allowed)
        body = await _body(scope, receive)
        if body is None:
            return None
        if len(body) > LARGEST_BODY:
            told = f"the body is over {LARGEST_BODY} bytes"
            return self._refuse(name, "too_large", TOO_LARGE, told)
        why = await refusal(wake, self._received(scope, name, body), self._now())
        if why is not None:
            told = "nothing proves that this comes from who may wake the source"
            asked = _challenge(wake)
            return self._refuse(name, "unproved", UNAUTHORIZED, told, why=why, headers=asked)
        telemetry.report(WakeAccepted(name))
        self._wake(name)
        return _Answer(ACCEPTED)

    def _refuse(
        self,
        source: str | None,
        reason: Reason,
        status: int,
        error: str,
        *,
        why: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> _Answer:
        self._refused.note(source, reason, why or error)
        return _Answer(status, error, headers)

    def _received(self, scope: Scope, name: str, body: bytes) -> ReceivedWake:
        headers: dict[str, str] = {}
        for key, value in scope["headers"]:
            given, text = key.decode("latin-1"), value.decode("latin-1")
            # As one header that is sent in several lines: then it is nobody's signature.
            headers[given] = f"{headers[given]}, {text}" if given in headers else text
        query = scope["query_string"].decode("latin-1")
        base = self._url or f"{scope['scheme']}://{headers.get('host', '')}"
        url = f"{base}/sources/{name}/wake{'?' if query else ''}{query}"
        return ReceivedWake(url, query, headers, body)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """Return the body, or so much that it is too large; None where its sender went away."""
    told = dict(scope["headers"]).get(b"content-length", b"0")
    if int(told) > LARGEST_BODY:
        # Nobody waits for it: the server reads past it behind the answer.
        return b"\0" * (LARGEST_BODY + 1)
    content = bytearray()
    while len(content) <= LARGEST_BODY:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            return None
        content += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(content)


def _challenge(wake: Wake) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that says how to authenticate; a signature has no name for that."""
    kind = type(wake.authentication).__name__
    return ((b"www-authenticate", kind.encode()),) if kind in ("Bearer", "Basic") else ()
