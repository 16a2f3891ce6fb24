"""The shape of the file: JSON Schema in, problems with places and plain words out.

The very file that editors use (`schema/webhookd.schema.json`) is what is validated against.
It never uses `oneOf` or `anyOf`: what depends on a key is written with `if`, so every error
is about the one branch that the author meant.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from webhookd.config import paths, schema_messages
from webhookd.config.text.limits import MOST_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jsonschema import TypeChecker

    from webhookd.config.text.document import Document
    from webhookd.errors import Problem

    _Keyword: TypeAlias = Callable[
        [Any, Mapping[str, Any], Any, Mapping[str, Any]], Iterator[ValidationError]
    ]

NAME = "webhookd.schema.json"


def schema_text() -> str:
    """Return the JSON Schema of the configuration file, as it is shipped."""
    packaged = resources.files("webhookd.config").joinpath(NAME)
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    checkout = Path(__file__).parents[2] / "schema" / NAME
    return checkout.read_text(encoding="utf-8")


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the configuration file."""
    parsed: dict[str, Any] = json.loads(schema_text())
    return parsed


def check(document: Document, definition: str | None = None) -> list[Problem]:
    """Return every problem of the document's shape; an empty list means it is right.

    With *definition*, one of the schema's `$defs`, the document is that and no whole file.
    """
    errors = _validator(definition).iter_errors(document.data)
    problems = (
        problem for error in errors for problem in schema_messages.problems(document, error)
    )
    found = list(dict.fromkeys(islice(problems, MOST_PROBLEMS)))
    if next(problems, None):
        found.append(document.problem((), f"this file has more than {MOST_PROBLEMS} problems"))
    return found


def inlined(schema: Mapping[str, Any], definition: str | None = None) -> dict[str, Any]:
    """Return *schema* without `$ref`; one that names itself becomes a loop of objects.

    With *definition* it is the schema of that alone.

    jsonschema would look each `$ref` up anew for every value, which takes half of its time. Keys
    beside a `$ref` are dropped: they only describe.
    """
    definitions, done = schema["$defs"], dict[str, dict[str, Any]]()

    def named(name: str) -> dict[str, Any]:
        if name not in done:
            done[name] = {}
            done[name].update(walk(definitions[name]))
        return done[name]

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return named(str(node["$ref"]).rpartition("/")[2])
        return {key: walk(value) for key, value in node.items()}

    if definition is not None:
        return named(definition)
    return {key: walk(value) for key, value in schema.items() if key != "$defs"}


def _validator(definition: str | None) -> Any:
    checker: TypeChecker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number, "object": _is_object}
    )
    strict = extend(  # type: ignore[no-untyped-call] # types-jsonschema leaves it bare
        Draft202012Validator,
        {
            "pattern": _pattern,
            "format": _format,
            "properties": _properties(set()),
            "uniqueItems": _unique_items,
        },
        type_checker=checker,
    )
    return strict(inlined(schema(), definition))


def _is_integer(_checker: TypeChecker, value: object) -> bool:
    # JSON Schema takes 10.0 for an integer; who writes `10.0` gets told.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_object(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, dict)


def _pattern(
    _validator: Any, pattern: str, instance: object, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    # `search`, which jsonschema uses, lets `$` match before a newline at the end.
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError("does not match")


def _format(
    _validator: Any, name: str, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    # What the pattern refuses is told by the pattern.
    if name == "path" and isinstance(instance, str) and re.fullmatch(schema["pattern"], instance):
        reason = paths.why_wrong(instance, is_secret=bool(schema.get("writeOnly")))
        if reason is not None:
            yield ValidationError(reason)


def _unique_items(
    _validator: Any, _rule: bool, instance: object, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    # jsonschema compares each item with each other one as soon as their types differ.
    if isinstance(instance, list) and schema_messages.repeated(instance) is not None:
        yield ValidationError("has an item twice")


def _properties(right: set[tuple[int, type, object]]) -> _Keyword:
    """Return the keyword `properties`, which remembers in *right* which scalars were right.

    A thousand webhooks say `POST` and `EQ` a thousand times: validating each value once
    halves the time. What was wrong is validated again, for its own place.
    """

    def properties(
        validator: Any, children: Mapping[str, Any], instance: Any, _schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        for key in instance.keys() & children if isinstance(instance, dict) else ():
            value, child = instance[key], children[key]
            known = None if isinstance(value, (dict, list)) else (id(child), type(value), value)
            if known in right:
                continue
            is_right = True
            for error in validator.descend(value, child, path=key, schema_path=key):
                is_right = False
                yield error
            if known and is_right:
                right.add(known)

    return properties
