"""Expressions, from Jinja's nodes to definitions: a closed list of names, operators and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from jinja2 import nodes

from webhookd.config.messages import near, shown
from webhookd.config.templates.segments import ExpressionError
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
)
from webhookd.rules.templating.filters import FILTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from webhookd.definitions.templates import Expression

_FACTS: Final[dict[str, FactName]] = {name: name for name in get_args(FactName)}
_FOLDERS: Final = sorted({name.partition(".")[0] for name in _FACTS if "." in name})
_MAPS: Final = ("properties", "previous")
_NAMES: Final = (*_MAPS, "changed", *_FOLDERS, "secrets", "omit")
CALCULATED: Final = "nothing is calculated; there are ==, !=, and, or, not, if"
_WORDS: Final = {"null": "none", "nil": "none", "none": "none", "true": "true", "false": "false"}
_COMPARED: Final = {"eq": False, "ne": True}

_REFUSED: Final[dict[type[nodes.Node], str]] = {
    nodes.Call: "nothing can be called; there are names and filters only",
    nodes.Concat: "texts are not joined by '~'; write them side by side: '{{ a }} {{ b }}'",
    nodes.Test: "there are no tests with 'is'; compare with == none, or use default(…)",
    nodes.List: "a list is written as YAML, not in an expression",
    nodes.Dict: "a map is written as YAML, not in an expression",
    nodes.Tuple: "an expression gives one value",
    nodes.Slice: "a part of a text or a list cannot be taken",
}


def expression_of(node: nodes.Node) -> Expression:
    """Return a whole expression: a secret and `omit` may be one, or a branch of one."""
    if isinstance(node, nodes.CondExpr):
        if node.expr2 is None:
            raise ExpressionError("'if' needs an 'else', as in A if B else C")
        return Choice(_part(node.test), expression_of(node.expr1), expression_of(node.expr2))
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
        raise ExpressionError(CALCULATED)
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
