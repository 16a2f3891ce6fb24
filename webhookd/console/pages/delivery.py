"""One delivery: what the receiver said, what is next, and what was sent."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse

from webhookd import clock
from webhookd.client.asynchronous import quoted
from webhookd.console import charts, showing
from webhookd.console.charts import Mark
from webhookd.views.deliveries import DeliveriesView, ShownDeliveryView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from webhookd.console.visit import Visit
    from webhookd.views.deliveries import AttemptView

OTHERS: Final = 8


async def show(visit: Visit) -> Response:
    """Show a delivery whole, with the others of its record."""
    found = await shown(visit, quoted(visit.request.path_params["id"]))
    one: ShownDeliveryView = found["one"]
    others = await visit.daemon.read(
        DeliveriesView,
        "/v1/deliveries",
        object=one.object,
        record_id=one.record_id,
        limit=OTHERS + 1,
    )
    return await visit.page(
        "delivery.html",
        section="deliveries",
        others=[other for other in others.deliveries if other.id != one.id][:OTHERS],
        **found,
    )


async def body(visit: Visit) -> Response:
    """Return a delivery's body as a file: it is never shown as anything but text."""
    path = f"/v1/deliveries/{quoted(visit.request.path_params['id'])}"
    one = await visit.daemon.read(ShownDeliveryView, path)
    name = "".join(letter for letter in one.id if letter.isalnum())
    headers = {"content-disposition": f'attachment; filename="{name}.txt"'}
    text = (one.body or "").encode(errors="surrogatepass")
    return PlainTextResponse(text, headers=headers)


async def shown(visit: Visit, part: str) -> dict[str, Any]:
    """Return what the parts of a delivery's page are made of."""
    one = await visit.daemon.read(ShownDeliveryView, f"/v1/deliveries/{part}")
    now = clock.now()
    marks = [Mark(attempt.started_at, attempt.error is None) for attempt in one.attempt_log]
    if one.next_attempt_at is not None:
        marks.append(Mark(max(one.next_attempt_at, now), is_next=True))
    text = _readable(one)
    status = await visit.daemon.status()
    hold = next((known.hold for known in status.webhooks if known.webhook == one.webhook), None)
    return {
        "one": one,
        "hold": hold,
        "line": charts.time_line(one.created_at, marks, now) if marks else None,
        "attempts": list(reversed(one.attempt_log)),
        "configurations": _changed(one.attempt_log),
        "inherited": max(one.attempts - len(one.attempt_log), 0),
        "text": showing.cut(text),
        "is_cut": len(text) > showing.LONGEST_SHOWN,
    }


def _changed(attempts: Sequence[AttemptView]) -> set[int]:
    """Return the attempts that another configuration made than the one before them."""
    pairs = pairwise(attempts)
    return {after.number for before, after in pairs if after.config_hash != before.config_hash}


def _readable(one: ShownDeliveryView) -> str:
    """Return the body as people read it: JSON with its lines indented, numbers as they are."""
    text = one.body or ""
    if "json" not in (one.content_type or "") or len(text) > showing.LONGEST_SHOWN:
        return text
    return showing.indented(text)
