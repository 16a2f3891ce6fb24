"""What is asked of single webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from webhookd.admin import parameters
from webhookd.admin.acts import about, only_looked
from webhookd.admin.answers import BAD, answer, refusal
from webhookd.errors import ConfigError
from webhookd.operations.view_builders import backfilled
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from webhookd.intake.backfill_run import Running
    from webhookd.operations.control import Control

TEST = ("webhook", "definition", "record_id", "change", "kind", "dry_run", "anyway")


class WebhookRoutes:
    """Answers what is asked of a webhook; each method is one path's."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def webhook(self, request: Request) -> Response:
        """Answer one webhook."""
        parameters.query_of(request, ())
        return answer(await self._control.webhook(request.path_params["webhook"]))

    async def test(self, request: Request) -> Response:
        """Try a webhook in force or a draft: look at it, or send it once."""
        given = await parameters.body_of(request, TEST)
        name, draft = parameters.text_of(given, "webhook"), parameters.draft_of(given)
        if (name is None) == (draft is None):
            raise parameters.BadQuestionError("say which: one of webhook and definition")
        wanted = parameters.wanted_of(given)
        is_dry_run = parameters.flag_of(given, "dry_run")
        how = {"is_sent": not is_dry_run, "anyway": parameters.flag_of(given, "anyway")}
        if is_dry_run:
            only_looked(request)
        about(request, name or "a draft")
        if draft is not None:
            return answer(await self._control.trials.of_draft(draft, wanted, **how))
        return answer(await self._control.trials.of_webhook(name or "", wanted, **how))

    async def pause(self, request: Request) -> Response:
        """Hold a webhook."""
        given = await parameters.body_of(request, ("reason",))
        reason = parameters.text_of(given, "reason") or "paused by hand"
        return answer(await self._control.webhooks.pause(request.path_params["webhook"], reason))

    async def resume(self, request: Request) -> Response:
        """Let a webhook go."""
        await parameters.body_of(request, ())
        return answer(await self._control.webhooks.resume(request.path_params["webhook"]))

    async def backfill(self, request: Request) -> Response:
        """Begin a backfill, and answer how far it is as it goes on."""
        given = await parameters.body_of(request, ("where", "per_second", "past", "dry_run"))
        name, where = request.path_params["webhook"], parameters.texts_of(given, "where")
        rate, is_dry_run = parameters.rate_of(given), parameters.flag_of(given, "dry_run")
        if is_dry_run:
            only_looked(request)
        try:
            running = await self._control.webhooks.backfill(
                name,
                where,
                per_second=rate,
                past=parameters.length_of(given, "past"),
                is_dry_run=is_dry_run,
            )
        except ConfigError as error:
            return refusal("'where' is wrong", BAD, map(str, error.problems))
        return StreamingResponse(_reports(running), media_type="application/x-ndjson")

    async def cancel_moment(self, request: Request) -> Response:
        """Take a record's next moment away."""
        given = await parameters.body_of(request, ("record_id",))
        (record_id,) = parameters.texts_that_must_be(given, "record_id")
        name = request.path_params["webhook"]
        return answer(await self._control.webhooks.cancel_moment(name, record_id))

    async def end_backfill(self, request: Request) -> Response:
        """End a backfill."""
        await parameters.body_of(request, ())
        ended = await self._control.webhooks.end_backfill(request.path_params["webhook"])
        return answer(backfilled(ended, ended.made, is_over=True))


async def _reports(running: Running) -> AsyncIterator[bytes]:
    """Yield a line for each report of a backfill, and one for its end."""
    async for made in running.reports():
        yield written(backfilled(running, made, is_over=False)) + b"\n"
    yield written(backfilled(running, running.made, is_over=True)) + b"\n"
