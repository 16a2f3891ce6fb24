"""Templates of bodies: their expressions, and the form that their content type asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.config.checks import named_secrets
from webhookd.config.messages import shown
from webhookd.config.templates import xml_shape
from webhookd.config.templates.expression_parser import parsed
from webhookd.config.templates.segments import ExpressionError
from webhookd.definitions.templates import (
    JSON_TYPE,
    AllProperties,
    PropertyValue,
    expressions_in,
    may_omit,
)
from webhookd.rules.templating.content_types import Kind, flaw_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.definitions.templates import Expression
    from webhookd.errors import Problem

MOST_EXPRESSIONS: Final = 200
"""Expressions that one template may have."""

_ALONE: Final = ("properties", "static", "format", "previous", "portal_id")


def check(body: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the template of *body*, and with what stands beside it."""
    if not body.is_there("template"):
        if body.is_there("content_type"):
            message = "'content_type' goes with a 'template'; other bodies are JSON"
            yield body.problem(message, "content_type", at_key=True)
        return
    for key in _ALONE:
        if body.is_there(key):
            message = f"a template is the whole body; put what {key!r} says into it"
            yield body.problem(message, key, at_key=True)
    template = body.at("template")
    yield from _expressions(template, context)
    yield from _kind(body, template)


def leaves(node: Node) -> Iterator[tuple[Node, tuple[str | Expression, ...]]]:
    """Yield each text in the template *node*, however deep, with its parts; wrong ones are not."""
    for leaf in _texts(node):
        try:
            yield leaf, parsed(leaf.value)
        except ExpressionError:
            continue


def used(template: Node) -> Iterator[tuple[Node, str]]:
    """Yield each property that *template* names, with the place where it does."""
    for leaf, parts in leaves(template):
        for one in expressions_in(parts):
            if isinstance(one, PropertyValue):
                yield leaf, one.name


def _expressions(template: Node, context: Context) -> Iterator[Problem]:
    number = 0
    for leaf in _texts(template):
        try:
            parts = parsed(leaf.value)
        except ExpressionError as error:
            yield leaf.problem(str(error))
            continue
        yield from named_secrets.check_named(leaf, parts, context)
        number += sum(not isinstance(part, str) for part in parts)
        if len(parts) > 1 and may_omit(parts):
            yield leaf.problem("'omit' leaves out a whole value; inside a text write ''")
    if number > MOST_EXPRESSIONS:
        yield template.problem(
            f"a template has at most {MOST_EXPRESSIONS} expressions, and this one has {number}",
            at_key=True,
        )


def _kind(body: Node, template: Node) -> Iterator[Problem]:
    content_type = body.text("content_type") if body.is_there("content_type") else JSON_TYPE
    if content_type is None:
        return
    if flaw := flaw_of(content_type):
        yield body.problem(flaw, "content_type")
        return
    match kind_of(content_type):
        case Kind.JSON:
            if isinstance(template.value, str):
                yield template.problem(
                    "write JSON as YAML, not as text; for a text set 'content_type' to text/plain"
                    " or text/xml"
                )
        case Kind.FORM:
            yield from _form(template)
        case Kind.XML:
            yield from _text(template, content_type)
            yield from _xml(template)
        case Kind.TEXT:
            yield from _text(template, content_type)


def _form(template: Node) -> Iterator[Problem]:
    if not isinstance(template.value, dict):
        yield template.problem("the template of a form is a map: names and values")
    for field in template.entries():
        for value in field.items() if isinstance(field.value, list) else (field,):
            if isinstance(value.value, dict | list):
                yield value.problem(
                    f"a form is flat: {shown(field.name)} has a value, or a list of values"
                )


def _text(template: Node, content_type: str) -> Iterator[Problem]:
    if not isinstance(template.value, str):
        yield template.problem(f"the template of {content_type} is a text, as behind 'template: |'")
        return
    for leaf, parts in leaves(template):
        if len(parts) == 1 and may_omit(parts):
            yield leaf.problem("'omit' leaves out a key; a text has none: write ''")


def _xml(template: Node) -> Iterator[Problem]:
    for leaf, parts in leaves(template):
        if any(not isinstance(part, str) and _is_whole_map(part) for part in parts):
            yield leaf.problem("XML has no maps: write properties.NAME, or properties | lines")
            continue
        try:
            xml_shape.check(parts)
        except xml_shape.XmlError as error:
            yield leaf.problem(str(error))


def _is_whole_map(part: Expression) -> bool:
    return isinstance(part, AllProperties)


def _texts(node: Node) -> Iterator[Node]:
    if isinstance(node.value, str):
        yield node
    for child in (*node.entries(), *node.items()):
        yield from _texts(child)
