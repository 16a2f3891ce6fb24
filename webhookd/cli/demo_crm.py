"""A CRM for the demo: a few deals behind as much of HubSpot's API as the daemon asks for."""

from __future__ import annotations

import json
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from webhookd import clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]

_TYPES: Final = {"dealname": "string", "amount": "number", "hs_lastmodifieddate": "datetime"}


class DemoCrm:
    """An ASGI application that holds deals. It takes no other token than *token*."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._deals: dict[str, dict[str, Any]] = {}

    def save(self, deal_id: str, **properties: str) -> None:
        """Create a deal, or change one."""
        now = _written(clock.now())
        deal = self._deals.setdefault(
            deal_id, {"id": deal_id, "properties": {}, "createdAt": now, "archived": False}
        )
        deal["updatedAt"] = now
        deal["properties"] |= properties | {"hs_lastmodifieddate": now}

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        body = b""
        while (message := await receive()).get("more_body", False):
            body += message["body"]
        body += message.get("body", b"")
        status, content = self._answer(scope, body)
        date = format_datetime(clock.now(), usegmt=True).encode()
        headers = [(b"content-type", b"application/json"), (b"date", date)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})

    def _answer(self, scope: Message, body: bytes) -> tuple[int, dict[str, Any]]:
        if dict(scope["headers"]).get(b"authorization") != f"Bearer {self._token}".encode():
            return 401, {"status": "error", "message": "this is not the token"}
        match scope["path"].split("/")[2:]:
            case ["properties", *_]:
                return 200, {"results": [{"name": n, "type": t} for n, t in _TYPES.items()]}
            case ["objects", _, "deals", "search"]:
                return 200, self._search(json.loads(body))
            case ["objects", _, "deals"]:
                return 200, {"results": list(self._deals.values())}
            case _:
                return 404, {"status": "error", "message": "the demo has no such thing"}

    def _search(self, asked: dict[str, Any]) -> dict[str, Any]:
        (since,) = (int(one["value"]) for one in asked["filterGroups"][0]["filters"])
        found = [one for one in self._deals.values() if _milliseconds(one) >= since]
        return {"total": len(found), "results": sorted(found, key=_milliseconds)}


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(deal: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(deal["updatedAt"]).timestamp() * 1000)
