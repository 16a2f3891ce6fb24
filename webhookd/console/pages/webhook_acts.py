"""What a person does to a webhook: hold it, let it go on, have known records told to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from webhookd.client.client_errors import LostError, RefusedError
from webhookd.console import showing
from webhookd.console.pages import webhook
from webhookd.errors import counted
from webhookd.model import DISABLED, REMOVED

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit
    from webhookd.views.webhooks import WebhookView

PER_SECOND = 20.0


async def pause(visit: Visit) -> Response:
    """Hold a webhook's deliveries."""
    one = await webhook.found(visit)
    if visit.form.get("confirm"):
        reason = visit.form.get("reason") or None
        await visit.daemon.post(f"/v1{webhook.path_of(one)}/pause", reason=reason)
        visit.tell(f"{one.webhook} is paused.")
        return visit.elsewhere(webhook.path_of(one))
    return await visit.page("pause.html", section="overview", one=one)


async def test(visit: Visit) -> Response:
    """Send one request of a webhook: a real record's, after it was looked at."""
    one = await webhook.found(visit)
    number = visit.form.get("change")
    asked: dict[str, Any] = {
        "webhook": one.webhook,
        "record_id": visit.form.get("record_id") or None,
        "change": int(number) if number.isdecimal() else None,
    }
    trial, wrong = None, ""
    try:
        trial = await visit.daemon.tried(is_sent=bool(visit.form.get("confirm")), **asked)
    except RefusedError as error:
        wrong = str(error)
    return await visit.page(
        "test.html",
        section="overview",
        one=one,
        trial=trial,
        wrong=wrong,
        body=showing.body_of(trial),
        record_id=visit.form.get("record_id"),
    )


async def resume(visit: Visit) -> Response:
    """Lift a pause or a 410's hold."""
    one = await webhook.found(visit)
    if visit.form.get("confirm"):
        answer = await visit.daemon.post(f"/v1{webhook.path_of(one)}/resume")
        hold = answer.get("hold")
        visit.tell(f"{one.webhook} stays held: {hold}" if hold else f"{one.webhook} goes on.")
        return visit.elsewhere(webhook.path_of(one))
    is_ours = one.hold not in {None, REMOVED, DISABLED}
    return await visit.page("resume.html", section="overview", one=one, can_resume=is_ours)


async def backfill(visit: Visit) -> Response:
    """Have known records told to a webhook: counted first, then made by the daemon."""
    one = await webhook.found(visit)
    path = f"/v1{webhook.path_of(one)}/backfill"
    where = [line for line in visit.form.get("where").splitlines() if line.strip()]
    try:
        rate = float(visit.form.get("per_second") or PER_SECOND)
    except ValueError:
        return await _asked_again(visit, one, "Deliveries a second: a number, please.")
    if visit.form.get("confirm"):
        async with visit.daemon.lines(
            "POST", path, body={"where": where, "per_second": rate}
        ) as lines:
            # It goes on in the daemon; the first line says that it has begun.
            async for _ in lines:
                break
        visit.daemon.forget_status()
        visit.tell(f"The backfill of {one.webhook} has begun.")
        return visit.elsewhere(webhook.path_of(one))
    if not visit.form.get("count"):
        return await _asked_again(visit, one, "")
    found: dict[str, Any] = {}
    async with visit.daemon.lines("POST", path, body={"where": where, "dry_run": True}) as lines:
        async for line in lines:
            found = json.loads(line)
    if not found.get("over") or found.get("error"):
        raise LostError(f"it ended early: {found.get('error') or 'the daemon broke off'}")
    return await _asked_again(visit, one, "", found)


async def end_backfill(visit: Visit) -> Response:
    """End a backfill that is under way; what it made stays."""
    one = await webhook.found(visit)
    ended = await visit.daemon.post(f"/v1{webhook.path_of(one)}/backfill/end")
    visit.tell(f"The backfill has ended; {counted(ended['deliveries'], 'delivery')} made.")
    return visit.elsewhere(webhook.path_of(one))


async def _asked_again(
    visit: Visit, one: WebhookView, wrong: str, found: dict[str, Any] | None = None
) -> Response:
    return await visit.page(
        "backfill.html",
        section="overview",
        one=one,
        wrong=wrong,
        found=found,
        where=visit.form.get("where"),
        per_second=visit.form.get("per_second") or f"{PER_SECOND:g}",
    )
