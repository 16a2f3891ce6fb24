"""Templates: trees and texts whose leaves hold expressions, `{{ … }}`, as data.

The form of what is sent is that of the tree, which is fixed before any value of a record is seen.
An expression is one of the classes below, whatever it was written as; `webhookd.config.templates`
reads them, `webhookd.rules.templating` turns them into functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from webhookd.definitions.value_reading import PLAIN, ValueReading
from webhookd.model import JsonText

FactName: TypeAlias = Literal[
    "record.id",
    "record.object",
    "record.source",
    "change.kind",
    "change.type",
    "change.occurred_at",
    "change.deletion",
    "change.merged_into",
    "changed",
    "delivery.id",
    "webhook.name",
]
"""What is known of a delivery beside the record's properties; `changed` is a list of names."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is written in the template."""

    value: JsonText


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """A property of the record, now or *before*; null where it has no value."""

    name: str
    before: bool = False


@dataclass(frozen=True, slots=True)
class AllProperties:
    """All properties of the record, now or *before*, as a map."""

    before: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Something else that is known of the delivery."""

    name: FactName


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret, by its name in `secrets`: never a value, always a hole that an attempt fills."""

    name: str


@dataclass(frozen=True, slots=True)
class Omitted:
    """`omit`: the key, the item or the header that has this value is left out."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`A if test else B`."""

    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Equal:
    """`left == right`, as the operator EQ compares; `!=` where it is *negated*."""

    left: Expression
    right: Expression
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Both:
    """`left and right`: the first that is false, else *right*."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Either:
    """`left or right`: the first that is not false, else *right*."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Negation:
    """`not part`."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Filtered:
    """`value | filter(arguments…)`."""

    value: Expression
    filter: str
    arguments: tuple[Expression, ...] = ()


Expression: TypeAlias = (
    Constant
    | PropertyValue
    | AllProperties
    | Fact
    | SecretValue
    | Omitted
    | Choice
    | Equal
    | Both
    | Either
    | Negation
    | Filtered
)


@dataclass(frozen=True, slots=True)
class MixedText:
    """A text that holds expressions: its parts, one behind the other."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """A map of a tree, in the order of the file. Names are never templates."""

    members: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list of a tree."""

    items: tuple[Tree, ...]


Tree: TypeAlias = Expression | MixedText | Members | Items
"""A template, or a part of one. A leaf that is one expression keeps the type of its value."""

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class BodyTemplate:
    """What a body is made of.

    *written* is the template as the file has it, which decides whether two are the same; *root* is
    what it was read as, and *reading* how the source writes numbers and dates.
    """

    content_type: str
    written: JsonText
    root: Tree = field(compare=False, repr=False)
    reading: ValueReading = PLAIN

    @property
    def properties(self) -> frozenset[str]:
        """Return the properties that it names, now or before."""
        return _properties(expressions(self.root))

    @property
    def secrets(self) -> frozenset[str]:
        """Return the names of the secrets that it holds."""
        return secret_names(expressions(self.root))

    @property
    def reads_all(self) -> bool:
        """Return whether it sends all properties."""
        return any(isinstance(part, AllProperties) for part in expressions(self.root))


Parts: TypeAlias = tuple[str | Expression, ...]
"""A text: its own parts and its expressions."""


@dataclass(frozen=True, slots=True)
class UrlTemplate:
    """A URL whose path or query holds expressions. *origin* is scheme, host and port.

    *segments* are what stands between the slashes of the path; *query* is None without one.
    """

    origin: str
    segments: tuple[Parts, ...]
    query: Parts | None

    @property
    def parts(self) -> Parts:
        """Return all parts of path and query."""
        return (*(part for segment in self.segments for part in segment), *(self.query or ()))


@dataclass(frozen=True, slots=True)
class LiveTemplates:
    """What is filled in at each attempt, by the configuration in force: the URL and headers.

    *reading* says how the source writes numbers and dates.
    """

    url: UrlTemplate | None
    headers: Mapping[str, Tree]
    reading: ValueReading = PLAIN

    def expressions(self) -> Iterator[Expression]:
        """Yield every expression in the URL and in the headers."""
        yield from expressions_in(() if self.url is None else self.url.parts)
        for header in self.headers.values():
            yield from expressions(header)

    @property
    def properties(self) -> frozenset[str]:
        """Return the properties that the URL and the headers name, now or before."""
        return _properties(self.expressions())

    @property
    def secrets(self) -> frozenset[str]:
        """Return the names of the secrets that the URL and the headers hold."""
        return secret_names(self.expressions())


def expressions(tree: Tree) -> Iterator[Expression]:
    """Yield every expression in *tree*, those within others as well."""
    match tree:
        case Members(members):
            for _, member in members:
                yield from expressions(member)
        case Items(items):
            for item in items:
                yield from expressions(item)
        case MixedText(parts):
            yield from expressions_in(parts)
        case _:
            yield tree
            yield from expressions_in(inner(tree))


def expressions_in(parts: Iterable[str | Expression]) -> Iterator[Expression]:
    """Yield every expression in the *parts* of a text, those within others as well."""
    for part in parts:
        if not isinstance(part, str):
            yield from expressions(part)


def may_omit(parts: Parts) -> bool:
    """Return whether an expression in *parts* may be `omit`."""
    return any(isinstance(one, Omitted) for one in expressions_in(parts))


def secret_names(found: Iterable[Expression]) -> frozenset[str]:
    """Return the names of the secrets that are among the expressions *found*."""
    return frozenset(one.name for one in found if isinstance(one, SecretValue))


def _properties(found: Iterable[Expression]) -> frozenset[str]:
    return frozenset(one.name for one in found if isinstance(one, PropertyValue))


def inner(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions that *expression* is directly made of."""
    match expression:
        case Choice(test, then, otherwise):
            return test, then, otherwise
        case Equal(left, right) | Both(left, right) | Either(left, right):
            return left, right
        case Negation(part):
            return (part,)
        case Filtered(value, _, arguments):
            return value, *arguments
        case _:
            return ()
