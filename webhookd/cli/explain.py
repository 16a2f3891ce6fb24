"""`webhookd explain`: a delivery's whole story, line by line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from webhookd import clock
from webhookd.cli import delivery_text
from webhookd.cli.meant_delivery import meant_delivery
from webhookd.cli.settings import DatabaseOption, StateOption
from webhookd.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

Shown: TypeAlias = dict[str, Any]


def explain(
    delivery: Annotated[
        str, typer.Argument(help="The delivery's id, its beginning or its ending.")
    ],
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Tell a delivery's whole story, and what happens next."""
    shown = meant_delivery(delivery, state_directory, database_url)
    for line in story(shown, clock.now()):
        typer.echo(printable(line))


def story(shown: Shown, now: datetime) -> Iterator[str]:
    """Yield the change, each attempt with what was said, and what follows."""
    yield (
        f"{shown['created_at']}  {shown['object']}/{shown['record_id']} was {shown['change']}"
        f" (source {shown['source']}); webhook {shown['webhook']} fired and its"
        f" {shown['method']} was stored as delivery {shown['id']}"
    )
    inherited = delivery_text.inherited(shown)
    if inherited:
        made = "1 attempt was" if inherited == 1 else f"{inherited} attempts were"
        yield f"{'':26}it took the place of older changes, for which {made} made"
    for attempt in shown["attempt_log"]:
        what = attempt["error"] or f"answered {attempt['status']}: delivered"
        yield (
            f"{attempt['started_at']}  attempt {attempt['number']}, {attempt['seconds']:.3f} s,"
            f" configuration {attempt['config_hash']}: {what}"
        )
        if attempt["answer"].strip():
            yield f"{'':26}the receiver said: {json.dumps(attempt['answer'][:200])}"
    yield _ending(shown, now)


def _ending(shown: Shown, now: datetime) -> str:
    following = delivery_text.following(shown, now)
    endings = {
        "delivered": f"{shown['settled_at']}  done",
        "failed": f"{shown['settled_at']}  given up; webhookd deliveries retry {shown['id']} tries"
        " it again",
        "cancelled": f"{shown['settled_at']}  cancelled by a person",
        "superseded": f"{shown['settled_at']}  delivery {shown['superseded_by']} took its"
        " place, with a newer change of the record",
        "held": f"now: held, for its webhook {shown['webhook']} is; webhookd status says why",
        "pending": "next: waits until the deliveries of its record before it have ended"
        if shown["is_behind"]
        else f"next: attempt {shown['attempts'] + 1}, {following} ({shown['next_attempt_at']})",
    }
    return endings[shown["state"]]
