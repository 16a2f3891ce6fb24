"""The filters of templates, a closed list. Each is total: what is not for it stays as it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.model import text_of
from webhookd.rules.json_text import NULL, object_of
from webhookd.rules.json_text import text as json_text
from webhookd.rules.templating import date_formats
from webhookd.rules.templating.values import OMIT, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhookd.definitions import ValueReading
    from webhookd.model import JsonText
    from webhookd.rules.templating.scope import Scope
    from webhookd.rules.templating.values import Evaluate

_NONE: Final = frozenset({NULL, OMIT})
"""Null and `omit`, which every filter but `default` passes on."""

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS: Final = frozenset({"true", "false"})
_LONGEST: Final = 1_000_000
"""The largest number that `truncate` takes."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a filter is used with: the functions of its values, and the texts of those written.

    *constants* has None where a value depends on the record. *property* is the name of the property
    that is filtered, if it is one.
    """

    values: tuple[Evaluate, ...]
    constants: tuple[JsonText | None, ...]
    property: str
    reading: ValueReading


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: how many values it takes, what is wrong with those written, and how it is made."""

    least: int
    most: int
    make: Callable[[Evaluate, Arguments], Evaluate]
    flaw: Callable[[tuple[JsonText | None, ...]], str | None] = lambda _constants: None


def _of_text(change: Callable[[str], str]) -> Callable[[Evaluate, Arguments], Evaluate]:
    """Return how a filter is made that gives another text."""

    def make(value_of: Evaluate, _arguments: Arguments) -> Evaluate:
        def evaluate(scope: Scope) -> JsonText:
            value = value_of(scope)
            if value in _NONE:
                return value
            text = change(text_of(value))
            scope.draw(len(text))
            return json_text(text)

        return evaluate

    return make


def _default(value_of: Evaluate, arguments: Arguments) -> Evaluate:
    (otherwise,) = arguments.values
    return lambda scope: otherwise(scope) if (value := value_of(scope)) in {NULL, '""'} else value


def _truncate(value_of: Evaluate, arguments: Arguments) -> Evaluate:
    most = int(arguments.constants[0] or 0)

    def shortened(text: str) -> str:
        return text if len(text) <= most else text[: most - 1] + "…"

    return _of_text(shortened)(value_of, arguments)


def _flaw_of_truncate(constants: tuple[JsonText | None, ...]) -> str | None:
    written = constants[0] or ""
    if re.fullmatch("[0-9]{1,7}", written) and 1 <= int(written) <= _LONGEST:
        return None
    return f"'truncate' takes a whole number from 1 to {_LONGEST:,}"


def _replace(value_of: Evaluate, arguments: Arguments) -> Evaluate:
    sought_of, other_of = arguments.values

    def evaluate(scope: Scope) -> JsonText:
        value = value_of(scope)
        if value in _NONE:
            return value
        text, sought, other = text_of(value), plain(sought_of(scope)), plain(other_of(scope))
        if not sought:
            return value
        # Before it is made: a record may hold what is sought a million times.
        scope.draw(len(text) + text.count(sought) * max(len(other) - len(sought), 0))
        return json_text(text.replace(sought, other))

    return evaluate


def _date(value_of: Evaluate, arguments: Arguments) -> Evaluate:
    form = text_of(arguments.constants[0] or '""')
    zone = text_of(arguments.constants[1] or '""') if len(arguments.constants) > 1 else "UTC"
    name, reading = arguments.property, arguments.reading

    def evaluate(scope: Scope) -> JsonText:
        value = value_of(scope)
        if value in _NONE:
            return value
        is_instant = name in scope.instants
        text = date_formats.written(value, form, zone, reading, is_instant=is_instant)
        return value if text is None else json_text(text)

    return evaluate


def _flaw_of_date(constants: tuple[JsonText | None, ...]) -> str | None:
    if not all(one and one.startswith('"') for one in constants):
        return "'date' takes a format and a time zone as texts, as in date('%Y-%m-%d', 'UTC')"
    texts = [text_of(one or "") for one in constants]
    flaw = date_formats.flaw_of_format(texts[0])
    return flaw or (date_formats.flaw_of_zone(texts[1]) if len(texts) > 1 else None)


def _number(value_of: Evaluate, _arguments: Arguments) -> Evaluate:
    def evaluate(scope: Scope) -> JsonText:
        value = value_of(scope)
        text = text_of(value).strip() if value.startswith('"') else ""
        return text if _NUMBER.fullmatch(text) else value

    return evaluate


def _boolean(value_of: Evaluate, _arguments: Arguments) -> Evaluate:
    def evaluate(scope: Scope) -> JsonText:
        value = value_of(scope)
        word = text_of(value).strip().lower() if value.startswith('"') else ""
        return word if word in _BOOLEANS else value

    return evaluate


def _list(value_of: Evaluate, arguments: Arguments) -> Evaluate:
    separator_of = arguments.values[0] if arguments.values else None

    def evaluate(scope: Scope) -> JsonText:
        value = value_of(scope)
        if value == NULL:
            return "[]"
        if value in _NONE or value.startswith("["):
            return value
        separator = plain(separator_of(scope)) if separator_of else ";"
        text = text_of(value)
        parts = [part.strip() for part in (text.split(separator) if separator else [text])]
        scope.draw(len(text) + 3 * len(parts))
        return f"[{','.join(json_text(part) for part in parts if part)}]"

    return evaluate


def _join(value_of: Evaluate, arguments: Arguments) -> Evaluate:
    (separator_of,) = arguments.values

    def evaluate(scope: Scope) -> JsonText:
        value = value_of(scope)
        texts = _texts_in(value) if value.startswith("[") else None
        if texts is None:
            return value
        separator = plain(separator_of(scope))
        scope.draw(sum(map(len, texts)) + len(separator) * len(texts))
        return json_text(separator.join(texts))

    return evaluate


def _lines(value_of: Evaluate, _arguments: Arguments) -> Evaluate:
    def evaluate(scope: Scope) -> JsonText:
        value = value_of(scope)
        texts = _texts_in(value) if value.startswith("{") else None
        if texts is None:
            return value
        scope.draw(sum(map(len, texts)) + len(texts))
        return json_text("\n".join(texts))

    return evaluate


def _slack(text: str) -> str:
    """Return *text* without mentions and links of its own (Slack: "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


FILTERS: Final[Mapping[str, Filter]] = {
    "default": Filter(1, 1, _default),
    "upper": Filter(0, 0, _of_text(str.upper)),
    "lower": Filter(0, 0, _of_text(str.lower)),
    "trim": Filter(0, 0, _of_text(str.strip)),
    "truncate": Filter(1, 1, _truncate, _flaw_of_truncate),
    "replace": Filter(2, 2, _replace),
    "date": Filter(1, 2, _date, _flaw_of_date),
    "number": Filter(0, 0, _number),
    "boolean": Filter(0, 0, _boolean),
    "list": Filter(0, 1, _list),
    "join": Filter(1, 1, _join),
    "lines": Filter(0, 0, _lines),
    "slack": Filter(0, 0, _of_text(_slack)),
}
"""All filters by their names."""


def texts_of_list(value: JsonText) -> list[str] | None:
    """Return the items of a list as texts; None if *value* is no list, or too deep to be read."""
    return _texts_in(value) if value.startswith("[") else None


class _Number(str):
    """A number of JSON as it is written."""

    __slots__ = ()


def _texts_in(value: JsonText) -> list[str] | None:
    """Return what a list or a map holds as texts, `name: value` of a map; None if it is too deep.

    The length is that of *value* at most, whatever is done with escapes and blanks.
    """
    try:
        read = json.loads(value, parse_int=_Number, parse_float=_Number)
        if isinstance(read, dict):
            return [f"{name}: {_written(one)}" for name, one in read.items()]
        return list(map(_written, read))
    except RecursionError:
        return None


def _written(value: Any) -> str:
    """Return a value of JSON as text: nothing for null, lists and maps as JSON."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return str(value)
        case _:
            return _compact(value)


def _compact(value: Any) -> JsonText:
    match value:
        case _Number():
            return str(value)
        case str():
            return json_text(value)
        case dict():
            return object_of({name: _compact(one) for name, one in value.items()})
        case list():
            return f"[{','.join(map(_compact, value))}]"
        case _:
            return json.dumps(value)
