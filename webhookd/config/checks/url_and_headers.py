"""Expressions in URLs and headers: they are right, and stand where values may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import named_secrets
from webhookd.config.templates.expression_parser import parsed
from webhookd.config.templates.live_templates import refused, stand_in, url_template
from webhookd.config.templates.segments import ExpressionError
from webhookd.definitions.templates import may_omit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check_url(node: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the expressions of the URL at *node*."""
    try:
        parts, template = parsed(node.value), url_template(node.value)
    except ExpressionError as error:
        yield node.problem(str(error))
        return
    if message := refused(parts):
        yield node.problem(message)
    if may_omit(parts):
        yield node.problem("'omit' leaves out a key or a header; a URL has neither: write ''")
    yield from named_secrets.check_named(node, parts, context)
    for segment in template.segments if template else ():
        yield from named_secrets.check_in_path(node, segment, context)


def check_header(node: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the expressions of the header at *node*."""
    try:
        parts = parsed(node.value)
    except ExpressionError as error:
        yield node.problem(str(error))
        return
    if message := refused(parts):
        yield node.problem(message)
    if len(parts) > 1 and may_omit(parts):
        yield node.problem("'omit' leaves out the whole header; inside a text write ''")
    yield from named_secrets.check_named(node, parts, context)
    yield from named_secrets.check_in_header(node, parts, context)


def without_expressions(text: str) -> str:
    """Return *text* with a letter for each expression; as it is where one is wrong."""
    try:
        return stand_in(text)
    except ExpressionError:
        return text
