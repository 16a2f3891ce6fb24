"""What a reload does to a source's place: how far it has been read, and where it goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from webhookd.definitions import is_same_host
from webhookd.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhookd.definitions import Source
    from webhookd.rules.difference import Difference


def source_effect(
    difference: Difference,
    source: Source | None,
    known: Mapping[str, Any] | None,
    *,
    start: str | None = None,
) -> str:
    """Say what becomes of a source and its place.

    *source* is its new definition, None where it is removed; *known* is the source as `sources
    list --json` tells it, None where it was never read; *start* is what the new file says.
    """
    if source is None:
        return "; ".join(("stops, and keeps its place for its return", *_kept(known)))
    if difference.kind == "changed" and difference.touches("type", *source.identity):
        return "refused: a source may not become another one; give it a new key"
    if difference.kind == "changed" and difference.is_within("wake"):
        return "goes on undisturbed; " + (
            "nobody may wake it any more" if source.wake is None else "this may wake it now"
        )
    begins = {"added": "starts" if known is None else "returns", "changed": "starts anew"}
    begin = begins.get(difference.kind, "goes on")
    if source.polled_objects:
        return "; ".join((begin, *_polled(source.polled_objects, known, start)))
    moves = _moves(difference)
    if moves is None and source.host is not None:
        begin = f"{begin} on host {source.host} alone"
    return "; ".join((moves or begin, *_dropped(start, known, moves=moves is not None)))


def _moves(difference: Difference) -> str | None:
    """Say where a source is read from now on, None where that stays as it was."""
    setting = difference.setting("host")
    if setting is None:
        return None
    before, after = (
        None if text is None else str(json.loads(text)) for text in (setting.before, setting.after)
    )
    if after is None:
        return f"is no longer read on host {before} alone, but by any daemon"
    if before is None:
        return f"is read on host {after} alone, no longer by any daemon"
    if is_same_host(before, after):
        return None
    return f"moves from host {before} to host {after}"


def _kept(known: Mapping[str, Any] | None) -> Iterator[str]:
    if known is None:
        return
    yield _records(known)
    yield from _in_work(known, "waits")
    for cursor in known.get("cursors", ()):
        yield f"{_name(cursor)} at {_place(cursor)}"


def _dropped(start: str | None, known: Mapping[str, Any] | None, *, moves: bool) -> Iterator[str]:
    if known is not None:
        yield _records(known)
        # It lies in `work/`, where it was claimed.
        yield from _in_work(known, "goes on, where it is seen," if moves else "goes on")
        yield "new files are taken as they come"
    elif start == "now":
        yield "takes the files that are there, the records of the first as known (start: now)"
    else:
        yield "takes the files that are there (start: beginning)"


def _in_work(known: Mapping[str, Any], verb: str) -> Iterator[str]:
    if known["file"] is not None:
        yield f"{known['file']} {verb} behind row {known['rows_taken']:,}"


def _polled(
    objects: Sequence[str], known: Mapping[str, Any] | None, start: str | None
) -> Iterator[str]:
    known = known or {}
    if known:
        yield _records(known)
    # What a list's members do is told with their type, which goes on or does not.
    cursors = {one["object"]: one for one in known.get("cursors", ()) if "list" not in one}
    for name in objects:
        if name in cursors:
            yield f"{name} goes on at {_place(cursors[name])}"
        else:
            yield f"{name} begins" if start is None else f"{name} begins (start: {start})"
    for name, cursor in cursors.items():
        if name not in objects:
            yield f"{name} stops, and keeps its place at {_place(cursor)}"


def _name(cursor: Mapping[str, Any]) -> str:
    """Return the type of object that *cursor* is of, or the list of its records."""
    of_list = f"/lists/{cursor['list']}" if "list" in cursor else ""
    return f"{cursor['object']}{of_list}"


def _place(cursor: Mapping[str, Any]) -> str:
    if cursor["first_read"]:
        return "its first read, not yet over"
    # A cursor may be no time, or one that this version cannot read.
    return str(cursor["read_to"] or "its last committed cursor")


def _records(known: Mapping[str, Any]) -> str:
    count = known["records"]
    return f"{counted(count, 'record')} {'stays' if count == 1 else 'stay'} known"
