"""What is asked of deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.admin import parameters
from webhookd.admin.answers import answer
from webhookd.admin.parameters import FILTER, GROUPS, MOST_GROUPS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from webhookd.operations.deliveries.delivery_control import DeliveryControl


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
        """Make deliveries due."""
        given = await parameters.body_of(request, (*FILTER, "ids", "dry_run", "out_of_order"))
        is_dry_run = parameters.flag_of(given, "dry_run")
        is_out_of_order = parameters.flag_of(given, "out_of_order")
        retried = await self._deliveries.retry(
            parameters.selection_of(given), is_dry_run=is_dry_run, is_out_of_order=is_out_of_order
        )
        return answer(retried)

    async def cancel(self, request: Request) -> Response:
        """Cancel deliveries."""
        given = await parameters.body_of(request, (*FILTER, "ids", "dry_run"))
        is_dry_run = parameters.flag_of(given, "dry_run")
        selection = parameters.selection_of(given)
        return answer(await self._deliveries.cancel(selection, is_dry_run=is_dry_run))
