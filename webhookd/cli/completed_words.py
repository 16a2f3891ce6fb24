"""What the last of some words of a command line may become: for shells, at each TAB."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from webhookd.cli.client import find
from webhookd.cli.shells import Shell
from webhookd.cli.told_objects import objects_told
from webhookd.errors import WebhookdError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SHOWN_IDS = 50
_OF_WEBHOOKS = frozenset({"webhook"})
_OF_SOURCES = frozenset({"source"})
_OF_DELIVERIES = frozenset({"delivery", "ids"})
_OF_RECORDS = frozenset({"known_record"})
_OF_SOURCES_OR_OBJECTS = frozenset({"source_or_object"})


def completed(root: Any, words: Sequence[str]) -> list[str]:
    """Return what the last of *words*, perhaps empty, may become; nothing where that is a file.

    *root* is the command that all others are of.
    """
    *before, last = words
    command, given, option = _walked(root, before)
    found: Iterable[str]
    if command is None:
        found = ()
    elif option is not None:
        found = _values(option)
    elif last.startswith("-"):
        found = _options(command)
    elif (commands := getattr(command, "commands", None)) is not None:
        found = [name for name in commands if not getattr(commands[name], "hidden", False)]
    else:
        found = _argument(command, given)
    # A name with what a terminal obeys is none that anybody wants to complete.
    kept = (one for one in found if one.startswith(last) and printable(one) == one)
    return list(dict.fromkeys(kept))


def _walked(command: Any, words: Sequence[str]) -> tuple[Any, int, Any]:
    """Return the command that *words* lead to, how many arguments it got, and an open option.

    No command where a word is none.
    """
    given, option = 0, None
    for word in words:
        if option is not None:
            option = None
        elif word.startswith("-") and len(word) > 1:
            name, equals, _ = word.partition("=")
            option = None if equals else _option_with_value(command, name)
        elif (commands := getattr(command, "commands", None)) is not None:
            if word not in commands:
                return None, given, None
            command = commands[word]
        else:
            given += 1
    return command, given, option


def _option_with_value(command: Any, name: str) -> Any:
    for one in command.params:
        if name in one.opts and not getattr(one, "is_flag", False):
            return one
    return None


def _options(command: Any) -> Iterator[str]:
    for one in command.params:
        if not getattr(one, "hidden", False):
            yield from (name for name in one.opts if name.startswith("--"))
    yield "--help"


def _argument(command: Any, given: int) -> Iterable[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    for number, one in enumerate(arguments):
        if number == given or one.nargs == -1:
            return _values(one)
    return ()


def _values(parameter: Any) -> Iterable[str]:
    """Return what a parameter may be, as far as that can be known."""
    choices = getattr(parameter.type, "choices", None)
    if choices:
        named = (str(getattr(one, "value", one)) for one in choices)
        return [one for one in named if one != Shell.WORDS]
    names: Iterable[str] = ()
    with suppress(WebhookdError, OSError):
        if parameter.name in _OF_WEBHOOKS:
            names = _named("webhooks", "webhook")
        elif parameter.name in _OF_SOURCES:
            names = _named("sources", "source")
        elif parameter.name in _OF_DELIVERIES:
            names = _ids()
        elif parameter.name in _OF_SOURCES_OR_OBJECTS:
            names = _sources_and_objects()
        elif parameter.name in _OF_RECORDS:
            names = _records()
    return names


def _named(what: str, key: str) -> list[str]:
    daemon = find(None)
    return [] if daemon is None else [str(one[key]) for one in daemon.get("/v1/status")[what]]


def _ids() -> list[str]:
    daemon = find(None)
    if daemon is None:
        return []
    return [one["id"] for one in daemon.get("/v1/deliveries", limit=SHOWN_IDS)["deliveries"]]


def _sources_and_objects() -> list[str]:
    daemon = find(None)
    if daemon is None:
        return []
    sources = daemon.get("/v1/sources")["sources"]
    return [
        *(str(one["source"]) for one in sources),
        *(name for one in sources for name in objects_told(one)),
    ]


def _records() -> list[str]:
    daemon = find(None)
    if daemon is None:
        return []
    records = daemon.get("/v1/records/list", limit=SHOWN_IDS)["records"]
    return [f"{one['object']}/{one['record_id']}" for one in records]
