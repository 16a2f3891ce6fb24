"""`webhookd explain`: a delivery's whole story, line by line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, TypeAlias

import typer

from webhookd import clock
from webhookd.cli import delivery_text
from webhookd.cli.meant_delivery import meant_delivery
from webhookd.cli.output import print_hanging, print_json
from webhookd.cli.settings import DatabaseOption, StateOption
from webhookd.cli.typed_text import utf8
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

Shown: TypeAlias = dict[str, Any]

_TIME_WIDTH: Final = len("2026-03-01T12:00:00.000Z  ")


def explain(
    delivery: Annotated[
        str,
        typer.Argument(
            metavar="ID", callback=utf8, help="The delivery's id, its beginning or its ending."
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object: the delivery, and its story in lines.")
    ] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Tell a delivery's whole story, and what happens next."""
    shown = meant_delivery(delivery, state_directory, database_url)
    told = [*story(shown, clock.now())]
    if shown["change"] == "due":
        told[1:1] = _why_due(shown, state_directory, database_url)
    if as_json:
        print_json({"delivery": shown, "story": [{"at": one.at, "text": one.text} for one in told]})
        return
    for line in told:
        beside = " " * _TIME_WIDTH if line.is_remark else ""
        print_hanging(f"{line.at}  " if line.at else beside, line.text)


class Line(NamedTuple):
    """A line of a story. A remark belongs to the line before it.

    *at* is None for remarks, for how it stands now, and for what comes next.
    """

    at: str | None
    text: str
    is_remark: bool = False


def story(shown: Shown, now: datetime) -> Iterator[Line]:
    """Yield the change, each attempt with what was said, and what follows."""
    yield Line(
        shown["created_at"],
        (
            f"{shown['object']}/{shown['record_id']} was {shown['change']}{_deletion(shown)}"
            f" (source {shown['source']}); webhook {shown['webhook']} fired and its"
            f" {shown['method']} was stored as delivery {shown['id']}"
        ),
    )
    inherited = delivery_text.inherited(shown)
    if inherited:
        made = "1 attempt was" if inherited == 1 else f"{inherited} attempts were"
        text = f"it took the place of older changes, for which {made} made"
        yield Line(None, text, is_remark=True)
    for attempt in shown["attempt_log"]:
        what = attempt["error"] or f"answered {attempt['status']}: delivered"
        yield Line(
            attempt["started_at"],
            (
                f"attempt {attempt['number']}, {attempt['seconds']:.3f} s,"
                f" configuration {attempt['config_hash']}: {what}"
            ),
        )
        if attempt["answer"].strip():
            text = f"the receiver said: {json.dumps(attempt['answer'][:200])}"
            yield Line(None, text, is_remark=True)
    yield _ending(shown, now)


def _deletion(shown: Shown) -> str:
    """Say how a record came to be deleted, where that is known."""
    match shown.get("deletion"):
        case "archived":
            return ": it was archived"
        case "merged" if into := shown.get("merged_into"):
            return f": it was merged into {into}"
        case "merged":
            return ": it was merged into another record"
        case "gone":
            return ": it is not there any more"
        case _:
            return ""


def _why_due(
    shown: Shown, state_directory: Path | None, database_url: str | None
) -> Iterator[Line]:
    """Yield by which property and rule a record is due: those of now, for none of then is kept."""
    from webhookd.cli import offline  # noqa: PLC0415 - what reads a database loads slowly
    from webhookd.cli.moments import rule_text  # noqa: PLC0415 - few deliveries are due

    places = (state_directory, database_url)
    try:
        moment = offline.moment(shown["webhook"], shown["record_id"], *places)
        key = (shown["source"], shown["object"])
        known = offline.record(key, shown["record_id"], *places)
    except WebhookdError:
        return
    if moment["rule"] is None:
        return
    name = moment["rule"]["property"]
    value = known["properties"].get(name, "nothing")
    last = f"its last moment was {moment['told_at']}, " if moment["told_at"] else ""
    rule = f"by the rule of now: {rule_text(moment['rule'])}"
    yield Line(None, f"{last}{rule}; {name} is {value} now", is_remark=True)


def _ending(shown: Shown, now: datetime) -> Line:
    following = delivery_text.following(shown, now)
    taken = f"delivery {shown['superseded_by']} took its place"
    ended = {
        "delivered": "done",
        "failed": f"given up; webhookd deliveries retry {shown['id']} tries it again",
        "cancelled": "cancelled by a person",
        "superseded": f"{taken}, with a newer change of the record",
    }
    if shown["state"] in ended:
        return Line(shown["settled_at"], ended[shown["state"]])
    if shown["state"] == "held":
        held = f"now: held, for its webhook {shown['webhook']} is; webhookd status says why"
        return Line(None, held)
    if shown["is_behind"]:
        return Line(None, "next: waits until the deliveries of its record before it have ended")
    text = f"next: attempt {shown['attempts'] + 1}, {following} ({shown['next_attempt_at']})"
    return Line(None, text)
