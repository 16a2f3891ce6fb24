"""Conditions on records that are told outside of a file, as `backfill --where` takes them.

They are written and checked as `when` is, by the same code, and their problems are told alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhookd.config import models, schema
from webhookd.config.checks import properties
from webhookd.config.checks.triggers import check_of_records
from webhookd.config.text import limits
from webhookd.config.text.document import Document
from webhookd.config.text.limits import TOP
from webhookd.config.text.node import Node
from webhookd.config.text.yaml_reader import Builder
from webhookd.config.trigger_compiler import trigger
from webhookd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhookd.config.text.yaml_reader import Places
    from webhookd.definitions import AllOf, Source

NAME = "--where"


def conditions(texts: Sequence[str], source: Source, object_: str) -> AllOf | None:
    """Return what all of *texts* say together; None when there are none.

    Each is YAML or JSON: a condition, a group of them, or a list. Raises a ConfigError with every
    problem, those with the properties that *source* does not read of *object_* too.
    """
    documents = [_document(number, one, len(texts)) for number, one in enumerate(texts, 1)]
    problems = [problem for one in documents for problem in _problems(one, source, object_)]
    if problems:
        raise ConfigError(problems)
    parts = [part for one in documents if one.data for part in one.data["when"]]
    form = models.Trigger.model_validate({"when": parts or None})
    return trigger(form, source.value_reading).when


def _document(number: int, written: str, count: int) -> Document:
    """Return *written* as the `when` of a trigger; places are those in *written*."""
    name = NAME if count == 1 else f"{NAME} #{number}"
    builder = Builder(name)
    try:
        found = builder.build_any(limits.decode(written.encode(errors="replace")))
    except limits.FlawError as flaw:
        builder.problems.append(Problem(name, flaw.line, flaw.column, "", flaw.message))
        return Document(name, Path(), problems=tuple(builder.problems))
    if not found or not isinstance(found, (dict, list)):
        message = "this is no condition; write {property: …, operator: …}"
        return Document(name, Path(), problems=(Problem(name, *TOP, "", message),))
    listed: list[Any] = found if isinstance(found, list) else [found]
    data = {"when": listed}
    places: Places = {id(data): {"when": (TOP, TOP)}, id(listed): {0: (TOP, TOP)}}
    places.update(builder.places)
    return Document(name, Path(), data, places, tuple(builder.problems), frozenset(builder.spoiled))


def _problems(document: Document, source: Source, object_: str) -> Iterator[Problem]:
    yield from document.problems
    if document.data is None:
        return
    yield from schema.check(document, "trigger")
    top = Node(document)
    yield from check_of_records(top)
    if listed := source.listed_properties(object_):
        used = properties.used_in_when(top)
        yield from properties.check_read(used, listed, source.name, object_)
