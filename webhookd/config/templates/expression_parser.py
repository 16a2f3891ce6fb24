"""Texts with expressions: what they are made of, or what is wrong with them, quoted."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from jinja2 import TemplateError, nodes

from webhookd.config.messages import shown
from webhookd.config.templates.jinja_nodes import CALCULATED, expression_of
from webhookd.config.templates.marks import holds_marks
from webhookd.config.templates.segments import ExpressionError, segments, syntax, tree_of
from webhookd.definitions.templates import inner

if TYPE_CHECKING:
    from webhookd.definitions.templates import Expression

LONGEST: Final = 8192
"""Characters that a text with expressions may have."""

DEEPEST: Final = 50
"""Expressions within each other; a chain of filters counts, too."""

_HYPHENATED: Final = re.compile(r"\b(properties|previous|secrets)\.([^\W\d]\w*(?:-[^\W\d]\w*)+)")


@lru_cache(65536)
def parsed(text: str) -> tuple[str | Expression, ...]:
    """Return the parts of *text*: its own and its expressions; raise an `ExpressionError`.

    Own parts that are empty are left out, so one expression alone is one part.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"a text with expressions has at most {LONGEST:,} characters")
    if not holds_marks(text):
        return (text,) if text else ()
    parts: list[str | Expression] = []
    for segment in segments(text):
        if segment.is_expression:
            parts.append(_expression(segment.text, segment.flaw))
        elif segment.text and parts and isinstance(parts[-1], str):
            parts[-1] += segment.text
        elif segment.text:
            parts.append(segment.text)
    return tuple(parts)


@lru_cache(65536)
def _expression(written: str, flaw: str | None) -> Expression:
    """Return what *written*, which stood between `{{` and `}}`, means."""
    quoted = shown(f"{{{{{written}}}}}")
    try:
        if flaw:
            raise ExpressionError(flaw)  # noqa: TRY301 - quoted below
        template = tree_of(written)
        (output,) = template.body
        if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
            raise ExpressionError("this is not one expression")  # noqa: TRY301 - quoted below
        return _not_too_deep(expression_of(output.nodes[0]))
    except TemplateError as error:
        raise ExpressionError(f"{quoted}: {syntax(error)}") from None
    except ExpressionError as error:
        # Jinja reads a hyphen as a minus.
        name = _HYPHENATED.search(written) if str(error) == CALCULATED else None
        why = f"a name with a hyphen is written {name[1]}['{name[2]}']" if name else error
        raise ExpressionError(f"{quoted}: {why}") from None
    except RecursionError:
        raise ExpressionError(f"{quoted}: this is nested too deep") from None
    except Exception as error:  # noqa: BLE001 - whatever a parser may do, it is the text's fault
        raise ExpressionError(f"{quoted}: it cannot be read ({type(error).__name__})") from None


def _not_too_deep(expression: Expression) -> Expression:
    """Return *expression*, which each record will be taken through, function in function."""
    layer: tuple[Expression, ...] = (expression,)
    for _ in range(DEEPEST):
        layer = tuple(part for one in layer for part in inner(one))
        if not layer:
            return expression
    raise ExpressionError(f"this is nested deeper than {DEEPEST} levels")
