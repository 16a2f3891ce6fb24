"""Sending one request and getting its answer: httpx's seam on asyncio and llhttp.

`Transport` takes an `httpx.Request` and gives an `httpx.Response` or raises `SendError`. Start
reading at `http_transport`; what one request meets is `connector` (resolve, guard, connect, TLS),
then `http_connection` (write, wait) with `answer` (parse, cap), and between two requests `pool`.
"""

from __future__ import annotations

from webhookd.transport.failure import SendError
from webhookd.transport.http_transport import Transport
from webhookd.transport.origin import SendOptions
from webhookd.transport.request import PreparedRequest

__all__ = ["PreparedRequest", "SendError", "SendOptions", "Transport"]
