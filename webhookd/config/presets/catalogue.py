"""The presets that are shipped: `webhookd/presets/NAME.yaml`, each the keys of a REST source.

Beside those a preset has `x-title`, what it reads; `x-status`, what it was held against; and
`x-replace`, words in it that stand for what only the user knows, each with what that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from webhookd.config.text import document

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_ENDING: Final = ".yaml"


@dataclass(frozen=True, slots=True)
class Preset:
    """A preset. *source* holds its keys, without those that begin with `x-`; *text* is its file."""

    name: str
    title: str
    status: str
    words: Mapping[str, str]
    source: Mapping[str, Any]
    text: str

    @property
    def objects(self) -> Mapping[str, Any]:
        """Return the catalogue of objects, by name."""
        found: Mapping[str, Any] = self.source.get("objects", {})
        return found

    @property
    def takes_any_object(self) -> bool:
        """Return whether an object that is not in the catalogue is read like the others."""
        return "path" in self.source.get("object_defaults", {})

    @property
    def lacking(self) -> str:
        """Return the key that an object must have that is not in the catalogue, if any."""
        if not self.takes_any_object:
            return "path"
        return "properties" if "${properties}" in self.text else ""

    def has(self, name: str, keys: Container[str]) -> bool:
        """Return whether an object can be read of which the user wrote so many keys."""
        return name in self.objects or "path" in keys or not self.lacking or self.lacking in keys

    def as_configuration(self) -> str:
        """Return a configuration with a source that is the preset, as YAML."""
        lines = self.text.rstrip("\n").split("\n")
        comment = [line for line in lines if line.startswith("#")]
        words = [f"# {word}: {meaning}." for word, meaning in self.words.items()]
        keys = [line for line in lines if not line.startswith(("#", "x-"))]
        return "\n".join(
            [
                *comment,
                *(["#", "# Put your own in the place of", *words] if words else ()),
                "version: 1",
                "sources:",
                "  crm:",
                "    type: rest",
                *(f"    {line}" for line in keys),
            ]
        )


@cache
def names() -> tuple[str, ...]:
    """Return the names of all presets, in order."""
    return tuple(
        sorted(
            one.name.removesuffix(_ENDING)
            for one in resources.files("webhookd").joinpath("presets").iterdir()
            if one.name.endswith(_ENDING)
        )
    )


@cache
def find(name: str) -> Preset | None:
    """Return the preset *name*, None where there is none."""
    if name not in names():
        return None
    file = resources.files("webhookd").joinpath("presets", f"{name}{_ENDING}")
    content = file.read_bytes()
    read = document.parse(content, file=f"{name}{_ENDING}", folder=Path())
    data = read.data or {}
    return Preset(
        name,
        title=str(data["x-title"]),
        status=str(data["x-status"]),
        words=data.get("x-replace", {}),
        source={key: value for key, value in data.items() if not key.startswith("x-")},
        text=content.decode(),
    )


def presets_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Preset]]:
    """Yield each source of an effective *document* that extends a preset, with that."""
    for name, source in document.get("sources", {}).items():
        preset = find(source.get("extends") or "")
        if preset is not None:
            yield name, preset
