"""What all views have in common, and how they keep JSON that nobody needs to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

import orjson

Value = TypeVar("Value")


class View:
    """A part of an answer: a frozen dataclass whose fields are the keys of a JSON object."""

    __slots__ = ()

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"use_attribute_docstrings": True}
    """Makes the text below a field its description, where pydantic describes the view."""

    lacks_where_none: ClassVar[frozenset[str]] = frozenset()
    """Fields that the JSON lacks where they are None; all others are always there."""


class AtLeast:
    """The smallest value of a number, for descriptions; pydantic calls it by its hook's name."""

    def __init__(self, minimum: int) -> None:
        self.minimum = minimum

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), "minimum": self.minimum}


Count: TypeAlias = Annotated[int, AtLeast(0)]
"""How many there are, or were."""

Ordinal: TypeAlias = Annotated[int, AtLeast(1)]
"""A number that counts from 1."""

Seconds: TypeAlias = Annotated[float, AtLeast(0)]
"""A length of time."""


class JsonObject(Mapping[str, Value]):
    """A JSON object kept as its bytes: written as they are, read only where somebody looks."""

    __slots__ = ("_values", "json")

    def __init__(self, json: bytes) -> None:
        self.json = json
        self._values: dict[str, Value] | None = None

    def __getitem__(self, name: str) -> Value:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def _read(self) -> dict[str, Value]:
        if self._values is None:
            self._values = orjson.loads(self.json)
        return self._values
