"""Expressions, from Jinja's nodes to definitions: a closed list of names, operators and filters.

This module is the door to Jinja; it is loaded where a configuration has a template.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from jinja2 import Environment, TemplateError, nodes
from jinja2.lexer import TOKEN_FLOAT, TOKEN_INTEGER, TOKEN_STRING, TOKEN_WHITESPACE

from webhookd.config.messages import near, shortened, shown
from webhookd.config.templates.marks import holds_marks
from webhookd.config.text.scalars import json_of
from webhookd.definitions.templates import (
    AllProperties,
    Both,
    Choice,
    Constant,
    Either,
    Equal,
    Fact,
    FactName,
    Filtered,
    Negation,
    Omitted,
    PropertyValue,
    SecretValue,
    inner,
)
from webhookd.rules.templating.filters import FILTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from webhookd.definitions.templates import Expression

LONGEST: Final = 8192
"""Characters that a text with expressions may have."""

DEEPEST: Final = 50
"""Expressions within each other; a chain of filters counts, too."""

_FACTS: Final[dict[str, FactName]] = {name: name for name in get_args(FactName)}
_FOLDERS: Final = sorted({name.partition(".")[0] for name in _FACTS if "." in name})
_MAPS: Final = ("properties", "previous")
_NAMES: Final = (*_MAPS, "changed", *_FOLDERS, "secrets", "omit")
_INTEGER: Final = re.compile("0|[1-9][0-9]{0,17}")
_CALCULATED: Final = "nothing is calculated; there are ==, !=, and, or, not, if"
_HYPHENATED: Final = re.compile(r"\b(properties|previous|secrets)\.([^\W\d]\w*(?:-[^\W\d]\w*)+)")
_WORDS: Final = {"null": "none", "nil": "none", "none": "none", "true": "true", "false": "false"}
_COMPARED: Final = {"eq": False, "ne": True}
# Which Jinja would turn into line feeds; and a character that stands for it meanwhile.
_RETURN: Final = "\r"
_SPARES: Final = ("\ue000", "\ue001", "\uf8ff")

_REFUSED: Final[dict[type[nodes.Node], str]] = {
    nodes.Call: "nothing can be called; there are names and filters only",
    nodes.Concat: "texts are not joined by '~'; write them side by side: '{{ a }} {{ b }}'",
    nodes.Test: "there are no tests with 'is'; compare with == none, or use default(…)",
    nodes.List: "a list is written as YAML, not in an expression",
    nodes.Dict: "a map is written as YAML, not in an expression",
    nodes.Tuple: "an expression gives one value",
    nodes.Slice: "a part of a text or a list cannot be taken",
}
_ENVIRONMENT: Final = Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701


class ExpressionError(ValueError):
    """An expression cannot be taken; the message says which one and why."""


class _Segment(NamedTuple):
    """A part of a text: itself, or what stands between `{{` and `}}`, with what Jinja's lexer says.

    *flaw* is what is wrong with an expression before it is parsed; None of a text itself.
    """

    text: str
    is_expression: bool
    flaw: str | None = None


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
    for segment in _segments(text):
        if segment.is_expression:
            parts.append(_expression(segment.text, segment.flaw))
        elif segment.text and parts and isinstance(parts[-1], str):
            parts[-1] += segment.text
        elif segment.text:
            parts.append(segment.text)
    return tuple(parts)


def _segments(text: str) -> Iterator[_Segment]:
    spare = next((one for one in _SPARES if one not in text), "") if _RETURN in text else ""
    try:
        tokens = list(_ENVIRONMENT.lexer.tokeniter(text.replace(_RETURN, spare), None))
    except TemplateError as error:
        raise ExpressionError(f"{_quoted(text)}: {_syntax(error)}") from None
    written: list[str] | None = None
    flaw, before = None, ""
    for _, kind, value in tokens:
        value = value.replace(spare, _RETURN) if spare else value  # noqa: PLW2901
        if kind == "variable_begin":
            written, flaw, before = [], None, ""
        elif kind == "variable_end":
            yield _Segment("".join(written or ()), is_expression=True, flaw=flaw)
            written = None
        elif kind == "block_begin":
            raise ExpressionError(
                f"{_quoted(text)}: there are only expressions, {{{{ … }}}}, and no statements"
            )
        elif kind == "data":
            yield _Segment(value, is_expression=False)
        elif written is not None:
            written.append(value)
            if kind != TOKEN_WHITESPACE:
                flaw, before = flaw or _flaw_of_token(kind, value, before), kind
    if written is not None:
        raise ExpressionError(f"{_quoted(text)}: '{{{{' is not closed by '}}}}'")


@lru_cache(65536)
def _expression(written: str, flaw: str | None) -> Expression:
    """Return what *written*, which stood between `{{` and `}}`, means."""
    quoted = _quoted(f"{{{{{written}}}}}")
    try:
        if flaw:
            raise ExpressionError(flaw)  # noqa: TRY301 - quoted below
        template = _ENVIRONMENT.parse(f"{{{{{written}}}}}")
        (output,) = template.body
        if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
            raise ExpressionError("this is not one expression")  # noqa: TRY301 - quoted below
        return _not_too_deep(_whole(output.nodes[0]))
    except TemplateError as error:
        raise ExpressionError(f"{quoted}: {_syntax(error)}") from None
    except ExpressionError as error:
        # Jinja reads a hyphen as a minus.
        name = _HYPHENATED.search(written) if str(error) == _CALCULATED else None
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


def _whole(node: nodes.Node) -> Expression:
    """Return a whole expression: a secret and `omit` may be one, or a branch of one."""
    if isinstance(node, nodes.CondExpr):
        if node.expr2 is None:
            raise ExpressionError("'if' needs an 'else', as in A if B else C")
        return Choice(_part(node.test), _whole(node.expr1), _whole(node.expr2))
    if isinstance(node, nodes.Name) and node.name == "omit":
        return Omitted()
    if name := _secret_name(node):
        return SecretValue(name)
    return _part(node)


def _part(node: nodes.Node) -> Expression:
    reader = _READERS.get(type(node))
    if reader is not None:
        return reader(node)
    if isinstance(node, nodes.BinExpr | nodes.UnaryExpr):
        raise ExpressionError(_CALCULATED)
    raise ExpressionError(_REFUSED.get(type(node), "this is not known in an expression"))


def _negative(node: nodes.Neg) -> Expression:
    number = node.node
    if isinstance(number, nodes.Const) and type(number.value) is int:
        return Constant(f"-{number.value}")
    raise ExpressionError("'-' stands before a number only: nothing is calculated")


def _choice(node: nodes.CondExpr) -> Expression:
    if node.expr2 is None:
        raise ExpressionError("'if' needs an 'else', as in A if B else C")
    return Choice(_part(node.test), _part(node.expr1), _part(node.expr2))


def _constant(node: nodes.Const) -> Expression:
    value = node.value
    if value is None or isinstance(value, (bool, int, str)):
        return Constant(json_of(value))
    raise ExpressionError("a value is a text, a whole number, true, false or none")


def _named(node: nodes.Node) -> Expression:
    if _secret_name(node):
        raise ExpressionError(
            "a secret stands alone, or as a branch of A if B else C: it cannot be filtered,"
            " compared or handed to a filter"
        )
    path = _path(node)
    if path == ("omit",):
        raise ExpressionError(
            "'omit' stands alone, as a branch of A if B else C, or in default(omit)"
        )
    head, *rest = path
    if head in _MAPS:
        return _property(head, rest)
    if (fact := _FACTS.get(".".join(path))) is not None:
        return Fact(fact)
    if head in _FOLDERS:
        known = [name for name in _FACTS if name.startswith(f"{head}.")]
        asked = ".".join(path)
        raise ExpressionError(
            f"{shown(asked)} is not known{near(asked, known) or f'; there is {_listed(known)}'}"
        )
    if head == "changed":
        raise ExpressionError("'changed' is a list of names: it has no parts; use join(', ')")
    if head == "secrets":
        raise ExpressionError("write secrets.NAME, with a name that stands in 'secrets'")
    if word := _WORDS.get(head.lower()):
        raise ExpressionError(f"{shown(head)} is not known; write {word}")
    raise ExpressionError(f"{shown(head)} is not known{near(head, _NAMES) or _all_names()}")


def _property(head: str, rest: list[str]) -> Expression:
    before = head == "previous"
    if not rest:
        return AllProperties(before)
    if len(rest) > 1:
        dotted = ".".join(rest)
        raise ExpressionError(
            f"{head}.{dotted}: a name with a dot is written {head}['{dotted}']; of a property's"
            " value no part can be taken"
        )
    return PropertyValue(rest[0], before)


def _path(node: nodes.Node) -> tuple[str, ...]:
    """Return the names in `a.b['c']`."""
    match node:
        case nodes.Name():
            return (node.name,)
        case nodes.Getattr():
            return (*_path(node.node), node.attr)
        case nodes.Getitem(arg=nodes.Const(value=str(name))):
            return (*_path(node.node), name)
        case nodes.Getitem():
            raise ExpressionError("in [ ] stands a name in quotes, as in properties['a.b']")
        case _:
            raise ExpressionError("of a value no part can be taken")


def _secret_name(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        path = _path(node)
        if path[0] == "secrets" and len(path) > 1:
            return ".".join(path[1:])
    return None


def _comparison(node: nodes.Compare) -> Expression:
    if len(node.ops) != 1 or node.ops[0].op not in _COMPARED:
        raise ExpressionError("two values are compared by == or !=; for others there is 'when'")
    operand = node.ops[0]
    return Equal(_part(node.expr), _part(operand.expr), _COMPARED[operand.op])


def _filtered(node: nodes.Filter) -> Expression:
    name = node.name
    spec = FILTERS.get(name)
    if spec is None:
        known = near(name, FILTERS) or f"; there is {_listed(FILTERS)}"
        raise ExpressionError(f"there is no filter {shown(name)}{known}")
    if node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise ExpressionError(f"{shown(name)} takes its values in order, without names or stars")
    if not spec.least <= len(node.args) <= spec.most:
        raise ExpressionError(f"{shown(name)} takes {_how_many(spec.least, spec.most)}")
    if node.node is None:
        raise ExpressionError("a filter stands behind a value")
    # What default gives is the expression's value: a key may be left out by it.
    made = _whole_but_secret if name == "default" else _part
    arguments = tuple(map(made, node.args))
    flaw = spec.flaw(tuple(one.value if isinstance(one, Constant) else None for one in arguments))
    if flaw:
        raise ExpressionError(flaw)
    return Filtered(_part(node.node), name, arguments)


def _whole_but_secret(node: nodes.Node) -> Expression:
    return Omitted() if isinstance(node, nodes.Name) and node.name == "omit" else _part(node)


_READERS: Final[Mapping[type[nodes.Node], Callable[[Any], Expression]]] = {
    nodes.Const: _constant,
    nodes.Neg: _negative,
    nodes.Name: _named,
    nodes.Getattr: _named,
    nodes.Getitem: _named,
    nodes.CondExpr: _choice,
    nodes.And: lambda node: Both(_part(node.left), _part(node.right)),
    nodes.Or: lambda node: Either(_part(node.left), _part(node.right)),
    nodes.Not: lambda node: Negation(_part(node.node)),
    nodes.Compare: _comparison,
    nodes.Filter: _filtered,
}
"""All nodes of Jinja that mean something here."""


def _how_many(least: int, most: int) -> str:
    words = ("no value", "one value", "two values")
    return words[least] if least == most else f"{words[least]} or {words[most].split()[0]}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _all_names() -> str:
    return f"; there is {', '.join(_NAMES)}"


def _syntax(error: TemplateError) -> str:
    """Return what Jinja has to say, in the words of this project."""
    message = error.message or "it cannot be read"
    if "end of template" in message or "unexpected char" in message or "end of print" in message:
        return f"it cannot be read ({message}); an expression is closed by }}}}"
    return f"it cannot be read ({message})"


def _quoted(text: str) -> str:
    return shown(text)
