"""The one door to httpx: a signed request goes in, what came back comes out as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import Reply, Response, Unreachable
from webhookd.transport import PreparedRequest, SendError

if TYPE_CHECKING:
    import httpx

    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.transport import SendOptions


async def send(
    transport: httpx.AsyncBaseTransport, request: SignedRequest, options: SendOptions
) -> tuple[Reply, bool]:
    """Return the reply, and whether the answer's body was cut short.

    The transport is called directly: httpx's client would follow, time and pool a second time.
    """
    prepared = PreparedRequest(
        request.method,
        request.url,
        request.raw_headers(),
        request.body,
        {"webhookd": options, "target": request.target},
    )
    try:
        response = await transport.handle_async_request(prepared)
    except SendError as error:
        return Unreachable(error.reason, error.detail), False
    body = await response.aread()
    is_cut = bool(response.extensions.get("answer_cut"))
    return Response(response.status_code, response.headers.get("retry-after"), body), is_cut
