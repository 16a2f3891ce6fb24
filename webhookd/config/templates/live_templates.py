"""URLs and headers with expressions, from the file to definitions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from webhookd.config.templates.body_tree import leaf
from webhookd.config.templates.expression_parser import parsed
from webhookd.config.templates.marks import holds_marks
from webhookd.config.templates.segments import ExpressionError
from webhookd.definitions.templates import (
    AllProperties,
    LiveTemplates,
    UrlTemplate,
    expressions_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.definitions import ValueReading
    from webhookd.definitions.templates import Expression, Parts

_AUTHORITY: Final = re.compile(r"[^:/?#]+://[^/?#]+(?=[/?#])")
_STAND_IN: Final = "x"


def live_templates(
    url: str | None, headers: Mapping[str, str], reading: ValueReading
) -> LiveTemplates | None:
    """Return what holds expressions of a *url* (None: it is a secret) and *headers*; or None.

    Raises an `ExpressionError` for what is wrong.
    """
    template = None if url is None else url_template(url)
    trees = {name: leaf(value) for name, value in headers.items() if holds_marks(value)}
    if template is None and not trees:
        return None
    return LiveTemplates(template, trees, reading)


def url_template(url: str) -> UrlTemplate | None:
    """Return *url* as a template, None where it holds no expression.

    Raises an `ExpressionError` where one stands in a place that is not for values.
    """
    if not holds_marks(url):
        return None
    parts = parsed(url)
    first = parts[0] if isinstance(parts[0], str) else ""
    found = _AUTHORITY.match(first)
    if found is None:
        raise ExpressionError(
            "an expression stands in the path or the query: behind the first '/' after the host"
        )
    origin, rest = found[0], (first[found.end() :], *parts[1:])
    segments, query = _apart(rest)
    return UrlTemplate(origin, segments, query)


def stand_in(url: str) -> str:
    """Return *url* with a letter for each expression: what can be checked like any other URL.

    An `ExpressionError` says what is wrong with an expression.
    """
    if not holds_marks(url):
        return url
    return "".join(part if isinstance(part, str) else _STAND_IN for part in parsed(url))


def _apart(parts: Parts) -> tuple[tuple[Parts, ...], Parts | None]:
    """Return the segments of the path and the query that *parts* are, behind the host."""
    segments: list[list[str | Expression]] = [[]]
    query: list[str | Expression] | None = None
    for part in parts:
        if query is not None:
            query.append(part)
            continue
        if not isinstance(part, str):
            segments[-1].append(part)
            continue
        path, mark, rest = part.partition("?")
        first, *others = path.split("/")
        segments[-1].append(first)
        segments += [[one] for one in others]
        if mark:
            query = [rest]
    _check_query(query or [])
    # The first is what stands before the first slash: nothing.
    path_segments = segments[1:] or [[""]]
    whole = tuple(tuple(one for one in segment if one != "") for segment in path_segments)
    return whole, None if query is None else tuple(one for one in query if one != "")


def _check_query(query: list[str | Expression]) -> None:
    behind = ""
    for part in query:
        if isinstance(part, str):
            behind += part
        elif "=" not in behind.rpartition("&")[2]:
            raise ExpressionError(
                "in a query an expression stands in the value of a parameter, behind its '='"
            )


def refused(parts: Parts) -> str | None:
    """Return why *parts* cannot stand in a URL or a header, None where they can."""
    if any(isinstance(one, AllProperties) for one in expressions_in(parts)):
        return "'properties' and 'previous' as a whole stand in a body only; name a property"
    return None
