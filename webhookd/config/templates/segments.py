"""Texts with expressions, taken apart by Jinja's lexer: their own parts, and what is in `{{ … }}`.

This module and `jinja_nodes` are the doors to Jinja; they are loaded where there is a template.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from jinja2 import Environment, TemplateError
from jinja2.lexer import TOKEN_FLOAT, TOKEN_INTEGER, TOKEN_STRING, TOKEN_WHITESPACE

from webhookd.config.messages import shortened, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import nodes

_INTEGER: Final = re.compile("0|[1-9][0-9]{0,17}")
# Which Jinja would turn into line feeds; and a character that stands for it meanwhile.
_RETURN: Final = "\r"
_SPARES: Final = ("\ue000", "\ue001", "\uf8ff")
_ENVIRONMENT: Final = Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701


class ExpressionError(ValueError):
    """An expression cannot be taken; the message says which one and why."""


class Segment(NamedTuple):
    """A part of a text: itself, or what stands between `{{` and `}}`, with what Jinja's lexer says.

    *flaw* is what is wrong with an expression before it is parsed; None of a text itself.
    """

    text: str
    is_expression: bool
    flaw: str | None = None


def segments(text: str) -> Iterator[Segment]:
    """Yield the parts of *text*, in order; raise an `ExpressionError` where it has none."""
    spare = next((one for one in _SPARES if one not in text), "") if _RETURN in text else ""
    try:
        tokens = list(_ENVIRONMENT.lexer.tokeniter(text.replace(_RETURN, spare), None))
    except TemplateError as error:
        raise ExpressionError(f"{shown(text)}: {syntax(error)}") from None
    written: list[str] | None = None
    flaw, before = None, ""
    for _, kind, value in tokens:
        value = value.replace(spare, _RETURN) if spare else value  # noqa: PLW2901
        if kind == "variable_begin":
            written, flaw, before = [], None, ""
        elif kind == "variable_end":
            yield Segment("".join(written or ()), is_expression=True, flaw=flaw)
            written = None
        elif kind == "block_begin":
            raise ExpressionError(
                f"{shown(text)}: there are only expressions, {{{{ … }}}}, and no statements"
            )
        elif kind == "data":
            yield Segment(value, is_expression=False)
        elif written is not None:
            written.append(value)
            if kind != TOKEN_WHITESPACE:
                flaw, before = flaw or _flaw_of_token(kind, value, before), kind
    if written is not None:
        raise ExpressionError(f"{shown(text)}: '{{{{' is not closed by '}}}}'")


def tree_of(written: str) -> nodes.Template:
    """Return what Jinja reads in *written*, which stood between `{{` and `}}`.

    Raises Jinja's errors.
    """
    return _ENVIRONMENT.parse(f"{{{{{written}}}}}")


def _flaw_of_token(kind: str, value: str, before: str) -> str | None:
    """Return what is wrong with a token that Jinja reads in a way of its own."""
    if kind == TOKEN_FLOAT:
        return (
            f"{value} has a fraction or an exponent; write '{value}' | number, which keeps it"
            " as it is"
        )
    if kind == TOKEN_INTEGER and not _INTEGER.fullmatch(value):
        return f"{shortened(value)} is not a decimal number of up to 18 digits"
    if kind == TOKEN_STRING and before == TOKEN_STRING:
        return "two texts stand side by side; write them as one"
    return None


def syntax(error: TemplateError) -> str:
    """Return what Jinja has to say, in the words of this project."""
    message = error.message or "it cannot be read"
    if "end of template" in message or "unexpected char" in message or "end of print" in message:
        return f"it cannot be read ({message}); an expression is closed by }}}}"
    return f"it cannot be read ({message})"
