"""A JSON document around a list of records: a page of an API, or what was saved of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from webhookd.definitions.record_path import path_text
from webhookd.sources.formats.rows import BrokenFileError
from webhookd.sources.formats.streamed_json.json_members import kind_of_next, members, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.sources.formats.streamed_json.json_window import Window

_USUAL: Final = frozenset({"results", "records", "data", "value", "items"})
"""Names that APIs give to their lists; any other counts when its list begins with an object."""

_LIST_OF_OBJECTS: Final = re.compile(r"\[[ \t\n\r]*\{")
_DEEPEST: Final = 3
_LONGEST_SHOWN: Final = 200


class Document:
    """The objects around the list at *path*, in the document that starts in *window*."""

    def __init__(self, window: Window, path: tuple[str, ...]) -> None:
        self._window = window
        self._path = path
        self._around: list[Iterator[str]] = []

    def enter(self) -> None:
        """Read to the list; BrokenFileError where there is none at the path."""
        window = self._window
        for depth, name in enumerate(self._path):
            if window.next_mark() != "{":
                raise self._no_object(depth)
            keys = members(window)
            self._around.append(keys)
            self._find(keys, name, depth)
        if window.next_mark() != "[":
            raise BrokenFileError(
                f"`json.records` is {_shown(self._path)}, but there stands {kind_of_next(window)},"
                " not a list",
                *window.place(),
            )

    def leave(self) -> None:
        """Read to the end of the document; BrokenFileError where its path leads to two lists."""
        while self._around:
            keys, name = self._around.pop(), self._path[len(self._around)]
            for key in keys:
                if key == name:
                    twice = _shown(self._path[: len(self._around) + 1])
                    raise BrokenFileError(
                        f"{twice} stands twice in the document, and nobody can say which is meant",
                        *self._window.place(),
                    )
                skip(self._window)

    def _find(self, keys: Iterator[str], name: str, depth: int) -> None:
        window, above = self._window, self._path[:depth]
        found: tuple[str, ...] | None = None
        for key in keys:
            if key == name:
                return
            if found is None and _may_be_records(window, key):
                found = (*above, key)
            skip(window)
        missing = _shown(self._path[: depth + 1])
        instead = "" if found is None else f"; there is a list for {_setting(found)}"
        raise BrokenFileError(
            f"`json.records` is {_shown(self._path)}, but there is no {missing} in the document"
            f"{instead}",
            *window.place(),
        )

    def _no_object(self, depth: int) -> BrokenFileError:
        kind, above = kind_of_next(self._window), self._path[:depth]
        where = _shown(above) if depth else "the document"
        instead = ""
        if kind == "a list":
            instead = f": set {_setting(above)}" if depth else ": leave `json.records` out"
        return BrokenFileError(
            f"`json.records` is {_shown(self._path)}, but {where} is {kind}{instead}",
            *self._window.place(),
        )


def listed_at(window: Window) -> tuple[str, ...] | None:
    """Return the path of the list in the object that starts here, None where it has none.

    The object is read over, or as far as a list at its top; BrokenFileError where it breaks.
    """
    best: tuple[str, ...] | None = None
    try:
        for path in _lists(window, ()):
            if best is None or len(path) < len(best):
                best = path
            if len(path) == 1:
                break
    except BrokenFileError:
        if best is None:
            raise
    return best


def hint(path: tuple[str, ...]) -> str:
    """Return what to say of a document whose records stand in the list at *path*."""
    return (
        f"this is one object with a list under {_shown(path)}, and no record of its own: where its"
        f" records are that list, set {_setting(path)}"
    )


def _lists(window: Window, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each list that may hold records, in the object that starts here."""
    for key in members(window):
        if _may_be_records(window, key):
            yield (*above, key)
        if window.next_mark() == "{" and len(above) + 1 < _DEEPEST:
            yield from _lists(window, (*above, key))
        else:
            skip(window)


def _may_be_records(window: Window, key: str) -> bool:
    if window.next_mark() != "[":
        return False
    return key in _USUAL or _LIST_OF_OBJECTS.match(window.text, window.at) is not None


def _shown(path: tuple[str, ...]) -> str:
    text = path_text(path)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _setting(path: tuple[str, ...]) -> str:
    """Return the setting for records at *path*, as it is written in the configuration."""
    text = path_text(path)
    if len(text) > _LONGEST_SHOWN:
        return "`json: {records: PATH}`"
    return f"`json: {{records: {text}}}`" if '"' not in text else f"`json: {{records: '{text}'}}`"
