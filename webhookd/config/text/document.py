"""A configuration file as plain values that know their places.

`read` never raises for what is in the file: whatever is wrong becomes a `Problem` of the
document, and a file that cannot be used at all has no data. Every later stage names the
way to what it found wrong and gets its place from `Document.problem`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from webhookd.config import bounded_read, messages
from webhookd.config.text import limits
from webhookd.config.text.limits import TOP
from webhookd.config.text.yaml_reader import Builder
from webhookd.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from webhookd.config.messages import Steps
    from webhookd.config.text.limits import Place
    from webhookd.config.text.yaml_reader import Places

Data: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """One file: its values, their places, and what is wrong with its text.

    *data* is None when the text could not be read to its end. *folder* is what relative
    paths in it start from. *presets* are those that sources extend, by the source; *lent* are the
    keys that they gave, each with the `id` of the container that it stands in.
    """

    file: str
    folder: Path
    data: Data | None = None
    places: Places = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()
    spoiled: frozenset[tuple[int, int]] = frozenset()
    presets: Mapping[str, str] = field(default_factory=dict)
    lent: frozenset[tuple[int, str | int]] = frozenset()
    text: str = field(default="", repr=False)

    def problem(self, steps: Steps, message: str, *, at_key: bool = False) -> Problem:
        """Return the problem *message* at the value (or its key) that *steps* lead to."""
        place = self.place(steps, at_key=at_key)
        told = message + self._lender(steps)
        return Problem(self.file, place.line, place.column, messages.where(steps), told)

    def place(self, steps: Steps, *, at_key: bool = False) -> Place:
        """Return where the value (or its key) that *steps* lead to stands.

        Steps that lead beyond what is there give the place of the last that is.
        """
        found, value = TOP, cast("Any", self.data)
        for step in steps:
            # Only containers: a scalar may have the id of a container that is long gone.
            children = self.places[id(value)] if isinstance(value, (dict, list)) else {}
            if step not in children:
                break
            key, place = children[step]
            found = key if at_key else place
            value = value[step]
        return found

    def _lender(self, steps: Steps) -> str:
        """Return that the key at *steps* is a preset's, nothing where it stands in the file."""
        preset = self.presets.get(str(steps[1])) if len(steps) > 1 else None
        if preset is None or steps[0] != "sources":
            return ""
        value: Any = self.data
        for step in steps:
            if not isinstance(value, (dict, list)):
                break
            if (id(value), step) in self.lent:
                return f"; this key comes from the preset '{preset}'"
            try:
                value = value[step]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                break
        return ""

    def is_spoiled(self, steps: Steps) -> bool:
        """Return whether the value at *steps* was refused already and is not as written."""
        return bool(self.spoiled) and self.place(steps) in self.spoiled


def read(path: Path, *, name: str | None = None) -> Document:
    """Return the document in the file *path*, which messages call *name*."""
    file, folder = name or str(path), path.parent
    try:
        content = bounded_read.read(path, largest=limits.LARGEST)
    except bounded_read.UnreadableError as error:
        message = f"cannot be read: {error}"
        return Document(file, folder, problems=(Problem(file, 0, 0, "", message),))
    return parse(content, file=file, folder=folder)


def parse(content: bytes, *, file: str, folder: Path) -> Document:
    """Return the document that *content*, the bytes of *file*, holds."""
    builder = Builder(file)
    try:
        text = limits.decode(content)
        data = builder.build(text)
    except limits.FlawError as flaw:
        builder.problems.append(Problem(file, flaw.line, flaw.column, "", flaw.message))
        return Document(file, folder, problems=tuple(builder.problems))
    return Document(
        file,
        folder,
        data,
        builder.places,
        tuple(builder.problems),
        frozenset(builder.spoiled),
        text=text,
    )
