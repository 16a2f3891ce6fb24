"""Body templates, from the YAML of the file to definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.config.templates.expression_parser import parsed
from webhookd.config.text.scalars import json_of
from webhookd.definitions.templates import (
    JSON_TYPE,
    BodyTemplate,
    Constant,
    Items,
    Members,
    MixedText,
)

if TYPE_CHECKING:
    from webhookd.definitions import ValueReading
    from webhookd.definitions.templates import Tree


def body_template(written: Any, content_type: str | None, reading: ValueReading) -> BodyTemplate:
    """Return the template *written* in a body; an `ExpressionError` says what is wrong with it."""
    return BodyTemplate(content_type or JSON_TYPE, json_of(written), tree(written), reading)


def tree(written: Any) -> Tree:
    """Return what is *written*, a value of YAML, as a tree; raises an `ExpressionError`."""
    match written:
        case dict():
            return Members(tuple((str(name), tree(value)) for name, value in written.items()))
        case list():
            return Items(tuple(map(tree, written)))
        case str():
            return leaf(written)
        case _:
            return Constant(json_of(written))


def leaf(text: str) -> Tree:
    """Return a text as a leaf: one expression alone keeps the type of its value."""
    match parsed(text):
        case ():
            return Constant(json_of(""))
        case (str(own),):
            return Constant(json_of(own))
        case parts:
            only, *others = parts
            return MixedText(parts) if others or isinstance(only, str) else only
