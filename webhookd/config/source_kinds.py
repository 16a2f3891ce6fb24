"""The kinds of sources that a configuration may hold: the table of what is theirs in `config`.

A new kind adds a line here, beside its schema and its model. What reads a source of it stands in
`webhookd.sources.kinds`, the other table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd.config import defaults, source_compiler
from webhookd.config.checks import drop_directory, hubspot, own_events, rest
from webhookd.definitions import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from webhookd.config.authentication_compiler import Apps
    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.definitions import Source, ValueReading
    from webhookd.errors import Problem


@dataclass(frozen=True, slots=True)
class ConfiguredKind:
    """How a kind of source is checked and compiled."""

    check: Callable[[Iterable[Node], Context, Node | None], Iterator[Problem]]
    """Yield what is wrong with all sources of the kind; given `egress` too."""

    check_use: Callable[[Node, Node], Iterator[Problem]]
    """Yield what a webhook wants of a source, and does not get there."""

    compile: Callable[[str, Any, Node, Apps], Source]
    """Return the definition of a source, given its name, model and place, and who may sign."""

    written: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda source: source
    """Return a source as its model reads it, given it as it is written."""

    reading: Callable[[Mapping[str, Any]], ValueReading] = lambda _: PLAIN
    """Return how conditions read the values of a source, given it as the document tells it."""


KINDS: Mapping[str, ConfiguredKind] = {
    "drop_directory": ConfiguredKind(
        drop_directory.check,
        drop_directory.check_use,
        source_compiler.drop_directory,
        reading=source_compiler.reading_of_files,
    ),
    "hubspot": ConfiguredKind(hubspot.check, hubspot.check_use, source_compiler.hubspot),
    "rest": ConfiguredKind(
        rest.check, rest.check_use, source_compiler.rest, written=defaults.with_object_defaults
    ),
    "webhookd": ConfiguredKind(own_events.check, own_events.check_use, source_compiler.own_events),
}
"""Each kind by its `type`."""


def kind_of(source: Node) -> ConfiguredKind | None:
    """Return the kind of *source*, None where its `type` is not one (the schema says so)."""
    return KINDS.get(source.text("type") or "")
