"""What a person does to deliveries and webhooks: each is asked first, with what it would do.

A first form leads to a page that says how much is meant; nothing has happened yet. Its own form,
with `confirm`, has the daemon do it, and leads to where the result can be seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from webhookd import clock
from webhookd.client.asynchronous import quoted
from webhookd.console.pages import webhook
from webhookd.console.question import Question
from webhookd.errors import counted
from webhookd.model import DISABLED, REMOVED

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit

_WHERE: Final = {
    "retry": ("Retry", "attempted again", "retried"),
    "cancel": ("Cancel", "cancelled", "cancelled"),
}


async def retry(visit: Visit) -> Response:
    """Make deliveries due again: those of a filter, or one."""
    return await _change(visit, "retry")


async def cancel(visit: Visit) -> Response:
    """Cancel deliveries that wait: those of a filter, or one."""
    return await _change(visit, "cancel")


async def _change(visit: Visit, act: str) -> Response:
    verb, would, done = _WHERE[act]
    asked, question, id_ = _meant(visit)
    if act == "retry" and visit.form.get("out_of_order"):
        asked["out_of_order"] = True
    back = f"/deliveries/{quoted(id_)}" if id_ else f"/deliveries?{urlencode(question.but())}"
    if visit.form.get("confirm"):
        counts = await visit.daemon.post(f"/v1/deliveries/{act}", **asked)
        visit.tell(f"{counted(counts['count'], 'delivery')} {done}.{_left(counts)}")
        return visit.elsewhere(back)
    counts = await visit.daemon.post(f"/v1/deliveries/{act}", dry_run=True, **asked)
    fields = {name: str(value) for name, value in asked.items() if name != "ids"}
    return await visit.page(
        "change.html",
        section="deliveries",
        act=act,
        verb=verb,
        would=would,
        counts=counts,
        left=_left(counts),
        question=question,
        id=id_,
        fields={**fields, "id": id_} if id_ else fields,
        overtaken=counts.get("overtaken", 0),
        back=back,
    )


def _meant(visit: Visit) -> tuple[dict[str, Any], Question, str]:
    """Return what is asked of the daemon, and the question or the id that it was made of."""
    id_ = visit.form.get("id")
    if id_:
        return {"ids": [id_]}, Question(), id_
    question, now = Question.read(visit.form.get), clock.now()
    asked = question.asked(now)
    # What is stored between the question and the answer is not meant.
    asked.setdefault("until", now.isoformat())
    return asked, question, ""


def _left(counts: dict[str, Any]) -> str:
    """Return in a sentence what an act leaves as it is; nothing where it leaves nothing."""
    told = ""
    if counts.get("held"):
        why = "; ".join(f"{name}: {hold}" for name, hold in counts.get("holds", {}).items())
        told += f" {counts['held']:,} held, which are not attempted ({why})."
    if counts.get("overtaken"):
        told += (
            f" {counts['overtaken']:,} left: a newer change of the record was delivered or took"
            " their place."
        )
    if counts.get("left"):
        told += f" {counts['left']:,} left: there is nothing to do for them."
    return told


async def pause(visit: Visit) -> Response:
    """Hold a webhook's deliveries."""
    one = await webhook.found(visit)
    if visit.form.get("confirm"):
        reason = visit.form.get("reason") or None
        await visit.daemon.post(f"/v1{webhook.path_of(one)}/pause", reason=reason)
        visit.tell(f"{one.webhook} is paused.")
        return visit.elsewhere(webhook.path_of(one))
    return await visit.page("pause.html", section="overview", one=one)


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
