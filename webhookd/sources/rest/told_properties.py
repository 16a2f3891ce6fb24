"""Which properties an API says that there are, with what it tells of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from webhookd.model import text_of
from webhookd.rules.json_query import Query, QueryError
from webhookd.rules.query_functions import written
from webhookd.sources.described import DescribedProperty
from webhookd.sources.rest.asking import composed_requests as requests
from webhookd.sources.rest.asking.named_keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhookd.definitions import RestDescribe, RestObject
    from webhookd.sources.rest.asking.rest_api import Api


async def told(api: Api, read: RestObject) -> Mapping[str, DescribedProperty]:
    """Return the properties of an object by name, none where its definition has no `describe`.

    They have the names that webhooks know: where `properties` names expressions, those names alone,
    each with what is told of the property that its expression looks at. Raises PollError when the
    API refuses, does not answer, or answers with something else.
    """
    request, describe = requests.describing(read), read.describe
    if request is None or describe is None:
        return {}
    answer = await api.call(api.asked(request, {}), is_careful=False)
    keys = Keys(read.name, "describe.")
    if answer.is_empty:
        raise keys.wrong("path", f"the answer {answer.status} has no properties")
    try:
        listed = Query(describe.properties).find(answer.content.value)
        if not isinstance(listed, list):
            raise keys.wrong("properties", "this is no list")
        found = {one.name: one for one in _each(describe, listed)}
    except QueryError as error:
        raise keys.wrong("properties", f"an expression breaks: {error}") from None
    return _renamed(read, found)


def _each(describe: RestDescribe, listed: list[Any]) -> Iterator[DescribedProperty]:
    name, *others = (
        None if text is None else Query(text)
        for text in (describe.name, describe.type, describe.label, describe.options)
    )
    for one in listed:
        named = _text(name, one)
        if named:
            type_, label, options = others
            yield DescribedProperty(
                named, _text(type_, one), _text(label, one), tuple(_texts(options, one))
            )


def _text(query: Query | None, one: Any) -> str:
    found = None if query is None else query.find(one)
    return "" if found is None or isinstance(found, (dict, list)) else text_of(written(found))


def _texts(query: Query | None, one: Any) -> Iterator[str]:
    found = None if query is None else query.find(one)
    for option in found if isinstance(found, list) else ():
        if option is not None and not isinstance(option, (dict, list)):
            yield text_of(written(option))


def _renamed(
    read: RestObject, found: Mapping[str, DescribedProperty]
) -> Mapping[str, DescribedProperty]:
    """Return what was *found*, under the names that the definition gives to its expressions."""
    chosen = read.properties
    if chosen is None or isinstance(chosen, tuple):
        return found
    renamed = {}
    for name, text in chosen.items():
        steps = _within(read, Query(text).path or ())
        one = found.get(str(steps[0])) if steps else None
        if one is None:
            one = DescribedProperty(name, "")
        # Of a part of a property nobody says which values it may have.
        renamed[name] = replace(one, name=name, options=one.options if len(steps) == 1 else ())
    return renamed


def _within(read: RestObject, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return the steps of *path* from where the properties of a row are."""
    for text in read.properties_in:
        inside = Query(text).path
        if inside and path[: len(inside)] == inside:
            return path[len(inside) :]
    return path
