"""Views of JSON that a daemon wrote, of this version or another one.

Keys that a view does not know are passed over: a newer daemon says more. Keys that are not there
get the field's default, or what stands for nothing in the field's type: an older daemon said less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from webhookd.errors import WebhookdError
from webhookd.views.view import View

Kind = TypeVar("Kind", bound=View)
Convert = Callable[[Any], Any]

_NOTHING: Mapping[Any, Any] = {
    bool: False,
    int: 0,
    float: 0.0,
    str: "",
    Literal: "",
    tuple: (),
    Mapping: {},
}
"""What stands for a value that an older daemon did not tell, by type."""


class UnreadableAnswerError(WebhookdError):
    """An answer is not one that any webhookd gives."""


class _Key(NamedTuple):
    name: str
    convert: Convert
    missing: Any


def read(kind: type[Kind], told: Mapping[str, Any]) -> Kind:
    """Return a view of JSON; UnreadableAnswerError where something of it makes no sense."""
    try:
        view: Kind = _read(kind, told)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnreadableAnswerError(f"the answer makes no sense: {error}") from None
    return view


def _read(kind: Any, told: Mapping[str, Any]) -> Any:
    told.keys()  # A text or a list has none, and would else pass for an object without keys.
    values = {}
    for name, convert, missing in _keys(kind):
        if name in told:
            values[name] = convert(told[name])
        elif missing is not MISSING:
            values[name] = missing
        else:
            raise LookupError(f"it has no {name!r}")
    return kind(**values)


@cache
def _keys(kind: Any) -> tuple[_Key, ...]:
    types = get_type_hints(kind)
    return tuple(
        _Key(one.name, _converter(types[one.name]), _missing(one, types[one.name]))
        for one in fields(kind)
    )


def _missing(field: Field[Any], type_: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    if _is_nullable(type_):
        return None
    return _NOTHING.get(get_origin(type_) or type_, MISSING)


def _converter(type_: Any) -> Convert:
    """Return what makes a value of *type_* of its JSON."""
    if _is_nullable(type_):
        (inside,) = (one for one in get_args(type_) if one is not type(None))
        convert = _converter(inside)
        return lambda value: None if value is None else convert(value)
    if get_origin(type_) is tuple:
        convert = _converter(get_args(type_)[0])
        return lambda values: tuple(map(convert, values))
    if type_ is datetime:
        return datetime.fromisoformat
    if isinstance(type_, type) and issubclass(type_, Enum):
        # What a newer daemon says beside stays the text that it is.
        known = {one.value: one for one in type_}
        return lambda value: known.get(value, value)
    if isinstance(type_, type) and issubclass(type_, View):
        return lambda told: _read(type_, told)
    return lambda value: value


def _is_nullable(type_: Any) -> bool:
    return get_origin(type_) in (Union, UnionType) and type(None) in get_args(type_)
