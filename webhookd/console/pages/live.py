"""Live: attempts as they end."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse, StreamingResponse

from webhookd.console import showing
from webhookd.console.rendering import SIGNS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from webhookd.console.feed import Happening
    from webhookd.console.visit import Visit

HERE_SECONDS: Final = 15.0
_OUTCOMES: Final = {
    "delivered": ("delivered", "delivered"),
    "retry": ("retried", "retry"),
    "given_up": ("failed", "given up"),
    "held": ("held", "held"),
}
TOO_MANY: Final = 503


async def show(visit: Visit) -> Response:
    """Show the page; what happens comes by `events`."""
    status = await visit.daemon.status()
    names = [one.webhook for one in status.webhooks]
    return await visit.page("live.html", section="live", webhooks=names)


async def events(visit: Visit) -> Response:
    """Tell what happens as server-sent events, for as long as the browser listens."""
    watching = visit.console.feed.watching()
    viewer = await watching.__aenter__()
    if viewer is None:
        await watching.__aexit__(None, None, None)
        return PlainTextResponse("too many watch already\n", TOO_MANY)

    async def told() -> AsyncIterator[bytes]:
        try:
            yield b"retry: 2000\n\n"
            while True:
                try:
                    async with asyncio.timeout(HERE_SECONDS):
                        happening = await viewer.buffer.get()
                except TimeoutError:
                    yield b": here\n\n"
                    continue
                if happening is None:
                    return
                yield _written(happening, viewer.take_dropped())
        finally:
            await watching.__aexit__(None, None, None)

    return StreamingResponse(told(), media_type="text/event-stream")


def _written(happening: Happening, dropped: int) -> bytes:
    if happening.kind == "attempts":
        told: dict[str, Any] = {
            "attempts": [_row(one) for one in happening.told.get("attempts", ())],
            "skipped": int(happening.told.get("skipped", 0)) + dropped,
        }
    else:
        told = {
            name: showing.plain(str(value))
            for name, value in happening.told.items()
            if value is not None
        }
    kind = happening.kind if happening.kind.isalpha() else "other"
    return f"event: {kind}\ndata: {json.dumps(told)}\n\n".encode()


def _row(attempt: dict[str, Any]) -> dict[str, str]:
    """Return what a row shows of an attempt: texts, which the page puts in as texts."""
    kind, word = _OUTCOMES.get(str(attempt.get("outcome")), ("superseded", "ended"))
    status = attempt.get("status")
    seconds = attempt.get("seconds")
    at = datetime.fromisoformat(str(attempt["at"]))
    told = {
        "at": at.strftime("%H:%M:%S.%f")[:-3],
        "iso": showing.iso(at),
        "kind": kind,
        "outcome": f"{SIGNS.get(kind, '↻')} {f'{status} ' if status else ''}{word}",
        "webhook": attempt.get("webhook"),
        "id": attempt.get("id"),
        "record": f"{attempt.get('object')}/{attempt.get('record_id')}",
        "change": attempt.get("change"),
        "attempt": attempt.get("attempt"),
        "took": "" if seconds is None else showing.took(float(seconds)),
        "error": showing.one_line(str(attempt.get("error") or ""), 160),
    }
    return {name: showing.plain(showing.one_line(str(value))) for name, value in told.items()}
