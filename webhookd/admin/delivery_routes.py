"""What is asked of deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from webhookd.admin import parameters
from webhookd.admin.acts import only_looked
from webhookd.admin.answers import answer
from webhookd.admin.parameters import FILTER, GROUPS, MOST_GROUPS, BadQuestionError
from webhookd.operations.deliveries.delivery_views import by_hand
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from webhookd.operations.deliveries.bulk_changes import ByHand
    from webhookd.operations.deliveries.delivery_control import DeliveryControl

SELECTION = (*FILTER, "ids", "upto", "dry_run", "stream")


class DeliveryRoutes:
    """Answers what is asked of deliveries; each method is one path's."""

    def __init__(self, deliveries: DeliveryControl) -> None:
        self._deliveries = deliveries

    async def listed(self, request: Request) -> Response:
        """Answer a page of deliveries."""
        given = parameters.query_of(request, (*FILTER, "limit", "before"))
        found = await self._deliveries.listed(
            parameters.filter_of(given),
            parameters.limit_of(given),
            before=parameters.number_of(given, "before"),
        )
        return answer(found)

    async def shown(self, request: Request) -> Response:
        """Answer one delivery."""
        parameters.query_of(request, ())
        return answer(await self._deliveries.shown(request.path_params["id"]))

    async def groups(self, request: Request) -> Response:
        """Answer what failed and is held, by cause."""
        given = parameters.query_of(request, ("state", "limit"))
        limit = parameters.limit_of(given, normally=GROUPS, most=MOST_GROUPS)
        return answer(await self._deliveries.groups(parameters.group_state(given), limit))

    async def retry(self, request: Request) -> Response:
        """Make deliveries due, or count them; tell how far it is, where that is asked for."""
        given = await parameters.body_of(request, (*SELECTION, "out_of_order"))
        is_out_of_order = parameters.flag_of(given, "out_of_order")
        selection, is_dry_run = parameters.selection_of(given), _is_dry_run(request, given)
        control = self._deliveries
        if is_dry_run:
            counted = await control.counted_retry(selection, is_out_of_order=is_out_of_order)
            return answer(counted)
        if parameters.flag_of(given, "stream"):
            return _told(await control.begin_retry(selection, is_out_of_order=is_out_of_order))
        return answer(await control.retry(selection, is_out_of_order=is_out_of_order))

    async def cancel(self, request: Request) -> Response:
        """Cancel deliveries, or count them; tell how far it is, where that is asked for."""
        given = await parameters.body_of(request, SELECTION)
        selection, is_dry_run = parameters.selection_of(given), _is_dry_run(request, given)
        if is_dry_run:
            return answer(await self._deliveries.counted_cancel(selection))
        if parameters.flag_of(given, "stream"):
            return _told(await self._deliveries.begin_cancel(selection))
        return answer(await self._deliveries.cancel(selection))


def _is_dry_run(request: Request, given: Mapping[str, Any]) -> bool:
    is_dry_run = parameters.flag_of(given, "dry_run")
    if is_dry_run and parameters.flag_of(given, "stream"):
        raise BadQuestionError("dry_run and stream do not go together")
    if is_dry_run:
        only_looked(request)
    return is_dry_run


def _told(running: ByHand) -> Response:
    return StreamingResponse(_reports(running), media_type="application/x-ndjson")


async def _reports(running: ByHand) -> AsyncIterator[bytes]:
    """Yield a line for each report of a change, and one for its end."""
    async for one in running.reports():
        if not one.is_over:
            yield written(by_hand(one)) + b"\n"
    yield written(by_hand(running)) + b"\n"
