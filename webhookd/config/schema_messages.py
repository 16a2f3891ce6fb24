"""What a schema error means, in words and with its place.

The schema's annotations `errorMessage` and `patternErrorMessage`, which editors show too,
win over the words here. What is marked `writeOnly` is never shown: it may be a secret that
was written where a reference to one belongs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from webhookd.config.messages import near, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError

    from webhookd.config.messages import Steps
    from webhookd.config.text.document import Document
    from webhookd.errors import Problem

_EXPECTED = {
    "object": "keys and values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


_BOOLEANS_OF_OLD = frozenset({"yes", "no", "on", "off", "y", "n"})


def problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    """Yield the problems of *document* that the schema's *error* stands for."""
    steps: Steps = tuple(error.absolute_path)
    schema = cast("Mapping[str, Any]", error.schema)
    if document.is_spoiled(steps) or _is_said_twice(error, schema):
        return
    match error.validator:
        case "required":
            yield from _missing(document, steps, schema, error.instance)
        case "additionalProperties":
            yield from _unknown(document, steps, schema, error.instance)
        case _ if "propertyNames" in error.relative_schema_path:
            name = str(error.instance)
            yield document.problem((*steps, name), _words(error, schema), at_key=True)
        case _:
            yield document.problem(steps, _words(error, schema))


def repeated(items: list[Any]) -> Any:
    """Return the first scalar that is in *items* twice, None when none is."""
    seen: set[tuple[type, Any]] = set()
    for item in items:
        key = (type(item), item)
        if isinstance(item, (dict, list)):
            continue
        if key in seen:
            return item
        seen.add(key)
    return None


def _is_said_twice(error: ValidationError, schema: Mapping[str, Any]) -> bool:
    # A list of all that is allowed says more than the type of it; but 1.0 is in [1].
    return error.validator == "type" and error.instance not in schema.get("enum", (error.instance,))


def _missing(
    document: Document, steps: Steps, schema: Mapping[str, Any], written: Any
) -> Iterator[Problem]:
    for key in schema["required"]:
        if key not in written:
            yield document.problem(steps, f"{shown(key)} is missing", at_key=True)


def _unknown(
    document: Document, steps: Steps, schema: Mapping[str, Any], written: Any
) -> Iterator[Problem]:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key in written:
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            hint = near(key, known) or _all_of(known)
            yield document.problem((*steps, key), f"unknown key{hint}", at_key=True)


def _all_of(known: Mapping[str, Any]) -> str:
    return f"; known here: {', '.join(known)}"


def _words(error: ValidationError, schema: Mapping[str, Any]) -> str:
    if "errorMessage" in schema:
        return str(schema["errorMessage"])
    if error.validator == "enum" and (meant := _meant(error.instance, schema)):
        return f"{shown(error.instance)} is not known by this name; write {meant}"
    if error.validator == "format":
        return f"{'this' if schema.get('writeOnly') else shown(error.instance)} {error.message}"
    if "patternErrorMessage" in schema and not isinstance(error.instance, (dict, list)):
        told = str(schema["patternErrorMessage"])
        return told if schema.get("writeOnly") else f"{shown(error.instance)} {told}"
    return _plain_words(str(error.validator), error.validator_value, error.instance)


def _meant(written: object, schema: Mapping[str, Any]) -> str | None:
    """Return what to write for a name that another vocabulary has (`otherNames` of the schema)."""
    names = schema.get("otherNames", {})
    return names.get(written) if isinstance(written, str) else None


def _plain_words(validator: str, rule: Any, value: Any) -> str:
    match validator:
        case "type":
            words = f"expected {_expected(rule)}, found {_found(value)}{_quotes(rule, value)}"
        case "enum":
            words = _not_one_of(value, rule)
        case "minimum":
            words = f"{shown(value)} is less than the minimum of {rule}"
        case "maximum":
            words = f"{shown(value)} is more than the maximum of {rule}"
        case "minItems":
            words = "the list is empty; leave the key out, or name at least one"
        case "maxItems":
            words = f"the list is longer than the maximum of {rule}"
        case "uniqueItems":
            words = f"{_first_twice(value)} is in the list twice"
        case _:
            words = f"{shown(value)} breaks the schema's rule {validator!r}"
    return words


def _expected(rule: str | list[str]) -> str:
    names = [rule] if isinstance(rule, str) else rule
    return " or ".join(_EXPECTED.get(name, name) for name in names)


def _found(value: object) -> str:
    match value:
        case str() if value.lower() in _BOOLEANS_OF_OLD:
            return f"the text {shown(value)}"
        case str():
            # Never its words: this may be a secret that lost its way.
            return "text"
        case bool() | None | dict() | list():
            return shown(value)
        case _:
            return f"the number {shown(value)}"


def _quotes(rule: str | list[str], value: object) -> str:
    is_plain = isinstance(value, (int, float))
    return "; put it in quotes" if rule == "string" and is_plain else ""


def _not_one_of(value: object, options: list[Any]) -> str:
    listed = ", ".join(map(str, options))
    if not isinstance(value, str):
        return f"{shown(value)} is not one of {listed}"
    told = f"is not one of {listed}" if len(options) > 1 else f"is not {shown(options[0])}"
    return f"{shown(value)} {told}{near(value, map(str, options))}"


def _first_twice(items: list[Any]) -> str:
    again = repeated(items)
    return "a value" if again is None else shown(again)
