"""URLs and headers of a template: filled in at each attempt, by values kept with the delivery.

The template is the one in force, so that a corrected path heals what waits; the values are those of
the change. What the delivery's row says anyway is not kept twice.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote

from webhookd.definitions.templates import (
    Fact,
    MixedText,
    PropertyValue,
    SecretValue,
    expressions,
)
from webhookd.model import deletion_of, text_of
from webhookd.rules.json_text import NULL
from webhookd.rules.json_text import text as json_text
from webhookd.rules.templating.evaluation import evaluator
from webhookd.rules.templating.scope import (
    LARGEST,
    Scope,
    TooLargeError,
    deletion_value,
    survivor_value,
)
from webhookd.rules.templating.unfilled import UnfilledError, revealed
from webhookd.rules.templating.values import OMIT, Hole, plain
from webhookd.rules.timestamps import timestamp
from webhookd.rules.url_encoding import header_encoded, percent_encoded, segment_encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from webhookd.definitions import ValueReading
    from webhookd.definitions.templates import Expression, LiveTemplates, Parts, Tree
    from webhookd.model import Deletion, Delivery, JsonText, Secret
    from webhookd.rules.templating.values import Evaluate

    Encode: TypeAlias = Callable[[str], str]

_INSTANTS: Final = "instants"
_OCCURRED_AT: Final = "change.occurred_at"
_DELETION: Final = "change.deletion"
_SURVIVOR: Final = "change.merged_into"
_CHANGED: Final = "changed"
_KEPT: Final = frozenset({_CHANGED, _OCCURRED_AT, _DELETION, _SURVIVOR})
_NO_SEGMENTS: Final = frozenset({"", ".", ".."})


def kept_names(live: LiveTemplates) -> frozenset[str]:
    """Return what has to be kept with a delivery for *live*, by the names of expressions."""
    return frozenset(filter(None, map(_kept_name, live.expressions())))


def kept_values(live: LiveTemplates, scope: Scope) -> dict[str, JsonText] | None:
    """Return what is kept of a change for *live*; None where that is nothing.

    A large value draws on the room of *scope*: that is a `TooLargeError`.
    """
    names = kept_names(live)
    if not names:
        return None
    kept = {name: _value(name, scope) for name in sorted(names)}
    scope.draw(sum(map(len, kept.values())))
    if instants := sorted(scope.instants & live.properties):
        kept[_INSTANTS] = json.dumps(instants)
    return kept


class LiveParts:
    """The URL and the headers of a request, ready to be filled in for many attempts.

    *written* gives the last form of a query's value (`with_bare_semicolons`).
    """

    def __init__(self, live: LiveTemplates, written: Encode) -> None:
        self._needed = kept_names(live)
        reading = live.reading

        def query_value(text: str) -> str:
            return written(percent_encoded(text))

        url = live.url
        self._origin = None if url is None else url.origin
        self._segments = [
            _Text(segment, reading, segment_encoded) for segment in (url.segments if url else ())
        ]
        query = url.query if url else None
        self._query = None if query is None else _Text(query, reading, query_value)
        self._headers = {
            name: _Text(_parts_of(tree), reading, header_encoded)
            for name, tree in live.headers.items()
        }

    def url(self, scope: Scope, secrets: Mapping[str, Secret]) -> str | None:
        """Return the URL for the delivery of *scope*, None where it holds no expression.

        Raises an `UnfilledError` where none comes of it.
        """
        if self._origin is None:
            return None
        segments = [
            _checked(text, text.filled(scope, secrets, as_written=True)) for text in self._segments
        ]
        query = "" if self._query is None else "?" + (self._query.filled(scope, secrets) or "")
        return f"{self._origin}/{'/'.join(segments)}{query}"

    def headers(self, scope: Scope, secrets: Mapping[str, Secret]) -> Iterator[tuple[str, str]]:
        """Yield the headers that hold expressions, without those that are omitted.

        Raises an `UnfilledError`.
        """
        # The URL has a room of its own, and all headers together another.
        scope.give_room()
        for name, text in self._headers.items():
            value = text.filled(scope, secrets)
            if value is not None:
                yield name, _without_outer_blanks(value)

    def scope(self, delivery: Delivery) -> Scope:
        """Return what is known of *delivery*, for its URL and its headers.

        Raises an `UnfilledError` for what is not known.
        """
        values = delivery.rendered.values or {}
        if missing := sorted(self._needed - values.keys()):
            raise UnfilledError(
                "url",
                f"the URL or a header asks for {missing[0]}, which this delivery does not hold; it"
                " was stored before they asked",
            )
        changed, occurred_at = values.get(_CHANGED), values.get(_OCCURRED_AT)
        return Scope(
            delivery.webhook,
            delivery.id,
            delivery.source,
            delivery.object,
            delivery.record_id,
            delivery.change,
            _named(values, "properties."),
            _named(values, "previous."),
            frozenset(json.loads(changed) if changed else ()),
            datetime.fromisoformat(text_of(occurred_at)) if occurred_at else delivery.created_at,
            frozenset(json.loads(values[_INSTANTS]) if _INSTANTS in values else ()),
            _deletion(values),
        )


class _Text:
    """A text with expressions, whose values are written by *encode*."""

    def __init__(self, parts: Parts, reading: ValueReading, encode: Encode) -> None:
        self.parts = parts
        self._encode = encode
        self._prepared: list[str | Evaluate] = [
            part if isinstance(part, str) else evaluator(part, reading) for part in parts
        ]

    def filled(
        self, scope: Scope, secrets: Mapping[str, Secret], *, as_written: bool = False
    ) -> str | None:
        """Return the text; None where its one expression is omitted.

        A secret in it stands *as_written*, or is encoded as the other values are.
        """
        pieces = []
        for part in self._prepared:
            if isinstance(part, str):
                pieces.append(part)
                continue
            try:
                value = part(scope)
            except TooLargeError:
                why = f"the URL or a header would be larger than {LARGEST:,} bytes"
                raise UnfilledError("url", why) from None
            if isinstance(value, Hole):
                secret = revealed(secrets, value)
                pieces.append(secret if as_written else self._encode(secret))
            elif value == OMIT:
                return None
            else:
                pieces.append(self._encode(plain(value)))
        return "".join(pieces)


def _kept_name(expression: Expression) -> str | None:
    match expression:
        case PropertyValue(name, before):
            return f"{'previous' if before else 'properties'}.{name}"
        case Fact(name) if name in _KEPT:
            return name
        case _:
            return None


def _value(name: str, scope: Scope) -> JsonText:
    """Return a value that is kept, as `_kept_name` names it."""
    if name == _CHANGED:
        return json.dumps(sorted(scope.changed))
    if name == _OCCURRED_AT:
        return json_text(timestamp(scope.occurred_at))
    if name == _DELETION:
        return deletion_value(scope.deletion)
    if name == _SURVIVOR:
        return survivor_value(scope.deletion)
    head, _, rest = name.partition(".")
    return (scope.previous if head == "previous" else scope.properties).get(rest, NULL)


def _deletion(values: Mapping[str, JsonText]) -> Deletion | None:
    """Return what is kept of how a record was deleted: as much of it as is asked for."""
    how, into = (
        None if values.get(name, NULL) == NULL else text_of(values[name])
        for name in (_DELETION, _SURVIVOR)
    )
    told = deletion_of(how or (None if into is None else "merged"))
    return None if told is None else replace(told, merged_into=into)


def _named(values: Mapping[str, JsonText], head: str) -> dict[str, JsonText]:
    return {
        name.removeprefix(head): value for name, value in values.items() if name.startswith(head)
    }


def _parts_of(tree: Tree) -> Parts:
    return tree.parts if isinstance(tree, MixedText) else (tree,)  # type: ignore[return-value]


def _checked(text: _Text, filled: str | None) -> str:
    """Return a segment that was *filled*, or raise an `UnfilledError` for one that leads away."""
    segment = filled or ""
    asked = [part for part in text.parts if not isinstance(part, str)]
    # A server undoes escapes before it looks for dots: what is literal may be %2E.
    if asked and any(unquote(one) in _NO_SEGMENTS for one in segment.split("/")):
        told = f"hold {unquote(segment)!r}" if segment else "have an empty segment"
        if any(isinstance(one, SecretValue) for part in asked for one in expressions(part)):
            told = "hold a segment that is empty, '.' or '..'"
        raise UnfilledError("url", f"the URL's path would {told}, from {_described(asked)}")
    return segment


def _described(asked: list[Expression]) -> str:
    """Return which names the expressions of a segment are made of."""
    names = dict.fromkeys(_name(part) for one in asked for part in expressions(one))
    return ", ".join(filter(None, names)) or "a constant"


def _name(expression: Expression) -> str:
    """Return the name that *expression* is; nothing of what is none."""
    match expression:
        case Fact(name):
            return name
        case SecretValue(name):
            return f"secrets.{name}"
        case _:
            return _kept_name(expression) or ""


def _without_outer_blanks(value: str) -> str:
    """Return a header's value whose first and last blanks, which no receiver sees, are escapes."""
    inner = value.strip(" ")
    if not inner:
        return "%20" * len(value)
    before, after = value.index(inner), len(value) - value.index(inner) - len(inner)
    return "%20" * before + inner + "%20" * after
