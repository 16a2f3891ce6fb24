"""Deliveries: a list behind filters, and a peek at one of them beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhookd import clock
from webhookd.client.asynchronous import quoted
from webhookd.client.client_errors import RefusedError
from webhookd.console.pages import delivery
from webhookd.console.question import Question
from webhookd.model import DeliveryState
from webhookd.views.deliveries import DeliveriesView

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit

ON_A_PAGE: Final = 50
CHANGES: Final = ("created", "updated", "deleted", "due")
RETRIED: Final = frozenset({"", *DeliveryState}) - {"held", "pending"}
CANCELLED: Final = frozenset({"pending", "held"})
STATES: Final = (
    ("", "all"),
    *((state.value, state.value) for state in (DeliveryState.PENDING, DeliveryState.FAILED)),
    *((state.value, state.value) for state in (DeliveryState.HELD, DeliveryState.DELIVERED)),
    *((state.value, state.value) for state in (DeliveryState.SUPERSEDED, DeliveryState.CANCELLED)),
)


async def show(visit: Visit) -> Response:
    """Show deliveries, the newest first; what cannot be read of the filter is said above it."""
    question, now = Question.read(visit.asked), clock.now()
    before, peek = visit.asked("before"), visit.asked("peek")
    found, wrong = DeliveriesView(()), ""
    try:
        found = await visit.daemon.read(
            DeliveriesView,
            "/v1/deliveries",
            limit=ON_A_PAGE,
            before=before or None,
            **question.asked(now),
        )
    except ValueError as error:
        wrong = str(error)
    except RefusedError as error:
        wrong = str(error)
    status = await visit.daemon.status()
    state = question.value("state")
    return await visit.page(
        "deliveries.html",
        section="deliveries",
        question=question,
        found=found,
        wrong=wrong,
        before=before,
        states=STATES,
        changes=CHANGES,
        webhooks=[one.webhook for one in status.webhooks],
        sources=[one.source for one in status.sources],
        can_retry=bool(state in RETRIED and found.deliveries),
        can_cancel=bool(state in CANCELLED and found.deliveries),
        peeked=await _peeked(visit, peek) if peek else None,
        **_around(found, peek),
    )


def _around(found: DeliveriesView, peek: str) -> dict[str, Any]:
    """Return the deliveries before and after the one that is looked at, on this page."""
    ids = [one.id for one in found.deliveries]
    at = ids.index(peek) if peek in ids else -1
    return {
        "peek": peek,
        "previous": ids[at - 1] if at > 0 else "",
        "following": ids[at + 1] if 0 <= at < len(ids) - 1 else "",
    }


async def _peeked(visit: Visit, id_: str) -> dict[str, Any] | None:
    try:
        return await delivery.shown(visit, quoted(id_))
    except RefusedError:
        return None
