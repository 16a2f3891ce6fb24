"""A JSON Schema with what its references name put in their place.

jsonschema looks a `$ref` up anew for every value it meets, which takes half of its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return *schema* without `$ref`; one that names itself becomes a loop of objects.

    Keys beside a `$ref` are dropped: they only describe.
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

    return {key: walk(value) for key, value in schema.items() if key != "$defs"}
