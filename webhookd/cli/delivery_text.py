"""A delivery as people read it, made of the JSON that programs read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from webhookd.cli.output import ago, is_terminal, print_beneath, print_line, state, width
from webhookd.cli.styled import Styled
from webhookd.cli.tables import aligned, print_rows
from webhookd.errors import counted, printable
from webhookd.model import WITHOUT_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHOWN_BODY = 4096
ROOM_FOR_LAST = 24
"""So much of what came last must be seen, or each delivery takes two lines."""

COLUMNS = ("ID", "STATE", "WEBHOOK", "RECORD", "CHANGE", "ATTEMPTS", "STORED", "NEXT", "LAST")

Shown: TypeAlias = dict[str, Any]


def print_list(found: Sequence[Shown], now: datetime) -> None:
    """Print deliveries, as the width of a terminal allows."""
    print_within(found, now, width() if is_terminal() else None)


def print_within(found: Sequence[Shown], now: datetime, room: int | None) -> None:
    """Print a line for each delivery; where *room* is too small, one and what it says beneath."""
    rows = [_row(delivery, now) for delivery in found]
    before_last = aligned(COLUMNS, rows)[0].plain.index(COLUMNS[-1])
    if room is None or before_last + ROOM_FOR_LAST <= room:
        print_rows(COLUMNS, [(row, ()) for row in rows], room=room)
        return
    firsts = aligned(COLUMNS[:3], [row[:3] for row in rows])[1:]
    for line, delivery in zip(firsts, found, strict=True):
        print_line(line, is_whole=True)
        print_beneath(_rest(delivery, now))


def print_followed(delivery: Shown, now: datetime) -> None:
    """Print how a delivery stands, in a line that begins with the time; what is long, beneath."""
    line = Styled(f"{now.astimezone():%H:%M:%S}  ").append(state(delivery["state"]))
    blank = " " * (10 - len(delivery["state"]))
    line.append(
        printable(f"{blank}  {delivery['webhook']}  {_record(delivery)} {delivery['change']}")
    )
    line.append(f"  …{delivery['id'][-6:]}  {counted(delivery['attempts'], 'attempt')}")
    last, room = printable(_last(delivery)), width() if is_terminal() else None
    if room is None or line.width + 2 + Styled(last).width <= room:
        print_line(line.append(f"  {last}" if last else ""))
        return
    print_line(line, is_whole=True)
    print_beneath(last)


def print_fitting(found: Sequence[Shown], now: datetime) -> None:
    """Print to stderr the deliveries that a typed id fits, each in a line."""
    for delivery in found:
        facts = (
            *(delivery["id"], delivery["webhook"], _record(delivery), delivery["change"]),
            *(delivery["state"], f"stored {_stored(delivery, now)}"),
        )
        typer.echo(printable("  ".join(facts)), err=True)


def print_whole(shown: Shown, now: datetime) -> None:
    """Print one delivery: what is sent, and every attempt with its answer."""
    for name, value in _facts(shown, now):
        told = value if isinstance(value, Styled) else Styled(printable(value))
        print_line(Styled(f"{name:<13}  ").append(told), is_whole=True)


def following(shown: Shown, now: datetime) -> str:
    """Return when the next attempt is, in words; empty when none is planned."""
    text = shown["next_attempt_at"]
    return "" if text is None else ago(max(datetime.fromisoformat(text), now), now)


def inherited(shown: Shown) -> int:
    """Return how many attempts were made for the older changes whose place it took."""
    made: int = shown["attempts"] - len(shown["attempt_log"])
    return max(made, 0)


def _row(delivery: Shown, now: datetime) -> tuple[str | Styled, ...]:
    return (
        delivery["id"],
        state(delivery["state"]),
        delivery["webhook"],
        _record(delivery),
        delivery["change"],
        str(delivery["attempts"]),
        _stored(delivery, now),
        following(delivery, now),
        _last(delivery),
    )


def _rest(delivery: Shown, now: datetime) -> str:
    """Return what stands behind the webhook, in words."""
    count = delivery["attempts"]
    made = counted(count, "attempt")
    changed = f"{_record(delivery)} {delivery['change']}"
    parts = [changed, f"stored {_stored(delivery, now)}", made]
    if delivery["next_attempt_at"] is not None:
        parts.append(f"next {following(delivery, now)}")
    last = _last(delivery)
    return ", ".join(parts) + (f": {last}" if last else "")


def _record(delivery: Shown) -> str:
    return f"{delivery['object']}/{delivery['record_id'] or '(forgotten)'}"


def _stored(delivery: Shown, now: datetime) -> str:
    return ago(datetime.fromisoformat(delivery["created_at"]), now)


def _last(delivery: Shown) -> str:
    if delivery["superseded_by"] is not None:
        return f"superseded by {delivery['superseded_by']}"
    return delivery["last_error"] or str(delivery["last_status"] or "")


def _facts(shown: Shown, now: datetime) -> Iterator[tuple[str, str | Styled]]:
    yield "delivery", shown["id"]
    yield "state", state(shown["state"])
    yield "webhook", shown["webhook"]
    yield "record", f"{_record(shown)}, {shown['change']}, from {shown['source']}"
    yield "stored", f"{shown['created_at']} ({_stored(shown, now)})"
    if shown["next_attempt_at"] is not None:
        yield "next attempt", f"{shown['next_attempt_at']} ({following(shown, now)})"
    if shown["is_behind"]:
        yield "next attempt", "when the deliveries of its record before it have ended"
    if shown["superseded_by"] is not None:
        yield "superseded by", shown["superseded_by"]
    query = f" with ?{shown['query']}" if shown["query"] else ""
    yield "sends", shown["method"] + query
    # An older daemon does not say.
    for name, value in (shown.get("url_values") or {}).items():
        yield "asks for", f"{name}: {json.dumps(value, ensure_ascii=False)}"
    body = shown["body"]
    if body is not None:
        yield "body", body[:SHOWN_BODY]
        if len(body) > SHOWN_BODY:
            yield "", f"… ({len(body):,} characters; --json shows them all)"
    if inherited(shown):
        yield "attempts", f"{inherited(shown)} for older changes, whose place it took"
    elif not shown["attempt_log"]:
        yield "attempts", "none yet"
    for attempt in shown["attempt_log"]:
        yield from _attempt(attempt)


def _attempt(attempt: Shown) -> Iterator[tuple[str, str]]:
    status = f"status {attempt['status']}"
    if attempt["status"] is None:
        reason = (attempt["error"] or "").partition(":")[0]
        status = "nothing sent" if reason in WITHOUT_REQUEST else "no answer"
    exchange = f"{attempt['started_at']}, {attempt['seconds']:.3f} s, {status}"
    yield f"attempt {attempt['number']}", f"{exchange} (config {attempt['config_hash']})"
    if attempt["error"]:
        yield "  error", attempt["error"]
    if attempt.get("url"):
        yield "  sent to", attempt["url"]
        yield from _headers("  with", attempt["request_headers"])
    yield from _headers("  answered", attempt.get("answer_headers"))
    if attempt["answer"].strip():
        yield "  answer", attempt["answer"].strip()


def _headers(title: str, headers: Shown | None) -> Iterator[tuple[str, str]]:
    for name, value in (headers or {}).items():
        yield title, f"{name}: {value}"
        title = ""
