"""What a person does to deliveries: each is asked first, with what it would do.

A first form leads to a page that says how much is meant; nothing has happened yet. Its own form,
with `confirm`, has the daemon do it, and leads to where the result can be seen.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from webhookd import clock
from webhookd.client.asynchronous import quoted
from webhookd.client.client_errors import LostError
from webhookd.console.question import Question
from webhookd.errors import counted
from webhookd.model import DeliveryState

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit

PATIENCE: Final = 4.0
"""Seconds that a page waits for a change of many deliveries before it goes on without."""
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
    asked, question, id_ = _meant(visit, act)
    if act == "retry" and visit.form.get("out_of_order"):
        asked["out_of_order"] = True
    back = f"/deliveries/{quoted(id_)}" if id_ else f"/deliveries?{urlencode(question.but())}"
    if visit.form.get("confirm"):
        upto = visit.form.get("upto")
        given = {**asked, "upto": int(upto)} if upto.isdecimal() else asked
        counts = await _done(visit, f"/v1/deliveries/{act}", given)
        told = f"{counted(counts['count'], 'delivery')} {done}.{_left(counts)}"
        visit.tell(told if counts.get("over", True) else "It goes on in the daemon.")
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
        fields=fields | ({"id": id_} if id_ else {"upto": str(counts.get("upto") or "")}),
        overtaken=counts.get("overtaken", 0),
        back=back,
    )


def _meant(visit: Visit, act: str) -> tuple[dict[str, Any], Question, str]:
    """Return what is asked of the daemon, and the question or the id that it was made of."""
    id_ = visit.form.get("id")
    if id_:
        return {"ids": [id_]}, Question(), id_
    question = Question.read(visit.form.get)
    if act == "retry" and not question.value("state"):
        # As the command does: of all states, only what failed is tried again.
        question = Question(question.but(state=DeliveryState.FAILED.value))
    return question.asked(clock.now()), question, ""


async def _done(visit: Visit, path: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Have the daemon change deliveries, and return how far it came in some seconds.

    It goes on when nobody reads any more.
    """
    counts: dict[str, Any] = {"count": 0, "over": False}
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(PATIENCE),
            visit.daemon.lines("POST", path, body={**asked, "stream": True}) as lines,
        ):
            async for line in lines:
                counts = json.loads(line)
    visit.daemon.forget_status()
    if counts.get("error"):
        raise LostError(f"it ended early: {counts['error']}")
    return counts


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
