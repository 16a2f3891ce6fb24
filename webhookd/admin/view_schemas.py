"""The JSON Schemas of views, made of their dataclasses: what the API's description says of answers.

The only module of the API that knows pydantic, and only the description asks it: the daemon starts
without the work.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

    from webhookd.views.view import View

_PLACE = "#/components/schemas/{model}"


class _Answers(GenerateJsonSchema):
    """Describes what is written, not what may be read: a key with a default is there as well."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        described = super().dataclass_schema(schema)
        view: type[View] = schema["cls"]
        names = (field.name for field in fields(view))  # type: ignore[arg-type]  # every view is a dataclass
        described["required"] = [name for name in names if name not in view.lacks_where_none]
        described.pop("title", None)
        for base in view.__bases__:
            if is_dataclass(base):
                _describe_inherited(described["properties"], base)
        return described

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's hook
        return False


def _describe_inherited(properties: dict[str, Any], base: type[Any]) -> None:
    """Take the meaning of keys from *base*: pydantic reads what stands in a view's own text."""
    told = TypeAdapter(base).json_schema(schema_generator=_Answers)["properties"]
    for name, inherited in told.items():
        properties[name].setdefault("description", inherited["description"])


def schemas_of(views: Iterable[type[View]]) -> dict[str, Any]:
    """Return the schemas of *views* and of all that stand in them, by name."""
    _, found = TypeAdapter.json_schemas(
        [(view.__name__, "serialization", TypeAdapter(view)) for view in views],
        ref_template=_PLACE,
        schema_generator=_Answers,
    )
    return dict(found["$defs"])


def place_of(view: type[View]) -> dict[str, str]:
    """Return what stands for the schema of *view* in an answer's description."""
    return {"$ref": _PLACE.format(model=view.__name__)}
