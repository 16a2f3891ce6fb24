"""What happens, as server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from webhookd.admin import parameters
from webhookd.operations.feed.watcher import Wish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from webhookd.operations.feed.event_hub import EventHub

UNDELIVERED = "undelivered"


class FeedRoutes:
    """Answers who watches."""

    def __init__(self, hub: EventHub) -> None:
        self._hub = hub

    async def events(self, request: Request) -> Response:
        """Tell what happens from now on, and since the event that was heard last."""
        given = parameters.query_of(request, ("webhook", "only"))
        only = parameters.text_of(given, "only")
        if only not in (None, UNDELIVERED):
            raise parameters.BadQuestionError(f"only must be {UNDELIVERED}")
        wish = Wish(parameters.text_of(given, "webhook"), only_undelivered=only is not None)
        if request.method == "HEAD":
            return Response(media_type=MEDIA_TYPE)
        watching = self._hub.watching(wish, request.headers.get("last-event-id"))
        # Whether there is room is known before the answer begins.
        watcher = await watching.__aenter__()

        async def told() -> AsyncIterator[bytes]:
            try:
                async for part in watcher.told():
                    yield part
            finally:
                await watching.__aexit__(None, None, None)

        return StreamingResponse(told(), media_type=MEDIA_TYPE, headers=HEADERS)


MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-store"}
