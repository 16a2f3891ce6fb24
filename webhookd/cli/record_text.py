"""A known record as people and programs read it, made of what the daemon answers.

Values come as their own JSON texts: programs get them as they are, people as conditions see them.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from webhookd.cli.output import ago, print_beneath, print_line
from webhookd.cli.styled import Styled
from webhookd.cli.tables import print_cut_table, print_table
from webhookd.errors import counted, printable
from webhookd.model import text_of
from webhookd.utf8_mode import takes_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhookd.model import JsonText

Shown: TypeAlias = dict[str, Any]

_LONGEST = 200
"""Characters of a value among others; `--json` has all."""
_VALUES = ("properties", "before")


def print_as_json(record: Mapping[str, Any]) -> None:
    """Print a record as one JSON object, each value exactly as its source wrote it."""
    told = orjson.dumps(_with_values(record)).decode()
    if not takes_all(sys.stdout):
        # Whatever is not ASCII stands in texts, where it may be escaped.
        told = "".join(one if one.isascii() else json.dumps(one)[1:-1] for one in told)
    print(told)  # noqa: T201 - what the command is for


def print_list(records: Sequence[Shown], now: datetime) -> None:
    """Print a line for each record: its source, its type and id, and as much as fits."""
    columns = ("SOURCE", "RECORD", "MODIFIED", "PROPERTIES")
    print_cut_table(columns, [_row(record, now) for record in records])


def print_whole(shown: Shown) -> None:
    """Print a record's properties, a line each, and its last changes."""
    record, changes = shown["record"], shown["changes"]
    print_line(_head(record), is_whole=True)
    if record["enrolled"]:
        print_beneath(f"enrolled by {', '.join(record['enrolled'])}")
    properties = [
        (name, _shortened(text_of(value))) for name, value in sorted(record["properties"].items())
    ]
    if properties:
        print_table(("PROPERTY", "VALUE"), properties)
    print_line(Styled("last changes" if changes else "no change of it is kept", "bold"))
    for change in changes:
        print_line(Styled(f"  {change['seen_at']}  {change['change']}"))
        for name, before, now in _differences(change):
            print_beneath(f"{name}: {before} -> {now}")


def print_forgotten(typed: str, done: Mapping[str, Any]) -> None:
    """Print what was erased of a record, or would be, and what may be left of it."""
    deliveries = counted(done["deliveries"], "delivery")
    parts = [
        *(["the known record"] if done["is_known"] else []),
        f"{counted(done['changes'], 'change')} in the journal",
        f"what {deliveries} and {counted(done['attempts'], 'attempt')} hold of it",
        counted(done["enrollments"], "enrollment"),
    ]
    what = "would be erased" if done["is_dry_run"] else "erased"
    print_line(Styled(printable(f"{typed} of {done['source']}, {what}:"), "bold"), is_whole=True)
    for part in parts:
        print_beneath(part)
    if done["cancelled"]:
        cancelled = "would be cancelled" if done["is_dry_run"] else "cancelled"
        print_beneath(f"{cancelled}: {counted(done['cancelled'], 'delivery')}")
    if done["is_rewritten"] is True:
        print_beneath("the database's file was written anew: no page of it holds what was erased")
    elif done["is_rewritten"] is False:
        print_beneath(
            "the database's file is too large, or too busy, to be written anew beside the daemon:"
            " pages that are not in use may hold older versions until `webhookd db vacuum`",
            "yellow",
        )


def _with_values(record: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in record.items():
        if key in _VALUES and value is not None:
            plain[key] = {
                name: None if text is None else orjson.Fragment(text)
                for name, text in value.items()
            }
        elif key == "changes":
            plain[key] = [_with_values(change) for change in value]
        else:
            plain[key] = value
    return plain


def _row(record: Shown, now: datetime) -> tuple[str, ...]:
    at = record["modified_at"]
    modified = "" if at is None else ago(datetime.fromisoformat(at), now)
    some = "  ".join(
        f"{name}={_shortened(text_of(value))}" for name, value in record["properties"].items()
    )
    return (
        record["source"],
        f"{record['object']}/{record['record_id']}",
        "deleted" if record["deleted"] else modified,
        some,
    )


def _head(record: Shown) -> Styled:
    facts = [f"{record['object']}/{record['record_id']} of {record['source']}"]
    if record["modified_at"] is not None:
        facts.append(f"modified {record['modified_at']}")
    if record["deleted"]:
        facts.append("deleted, and no more is known of it")
    return Styled(printable(", ".join(facts)), "bold")


def _differences(change: Shown) -> Iterator[tuple[str, str, str]]:
    """Yield each property that differed, before and then; of a new record there is no before."""
    now: Mapping[str, JsonText] = change["properties"]
    before: Mapping[str, JsonText | None] | None = change["before"]
    if change["change"] != "updated" or before is None:
        return
    for name in sorted(before):
        yield name, _value(before[name]), _value(now.get(name))


def _value(text: JsonText | None) -> str:
    return "(none)" if text is None else _shortened(text_of(text)) or '""'


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
