"""Nodes of documents that may be wrong elsewhere: what the checks across keys look at.

Checks run on everything that the author wrote, whatever else is wrong with it, so that all
problems come at once. What a node cannot give (absent, of another type, refused before) it
gives as None, and the check that wanted it has nothing to say: another check has said it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webhookd.config.messages import Steps
    from webhookd.config.text.document import Document
    from webhookd.errors import Problem


@dataclass(frozen=True)
class Node:
    """The value at *steps* in *document*, and the checks' way to ask for what is in it."""

    document: Document
    steps: Steps = ()

    @property
    def name(self) -> str:
        """Return the last step: the name of a webhook, a source, an app."""
        return str(self.steps[-1])

    @property
    def folder(self) -> Path:
        """Return what relative paths start from."""
        return self.document.folder

    @property
    def value(self) -> Any:
        """Return the value itself, or None."""
        value: Any = self.document.data
        for step in self.steps:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return None if self.steps and self.document.is_spoiled(self.steps) else value

    def at(self, *steps: str | int) -> Node:
        """Return the node that *steps* lead to from here."""
        return Node(self.document, (*self.steps, *steps))

    def is_there(self, *steps: str | int) -> bool:
        """Return whether something was written at *steps*, right or wrong."""
        parent = self.at(*steps[:-1]).value
        return isinstance(parent, dict) and steps[-1] in parent

    def text(self, *steps: str | int) -> str | None:
        """Return the text at *steps*."""
        value = self.at(*steps).value
        return value if isinstance(value, str) else None

    def mapping(self, *steps: str | int) -> dict[str, Any]:
        """Return the keys and values at *steps*; none when there are none."""
        value = self.at(*steps).value
        return value if isinstance(value, dict) else {}

    def items(self, *steps: str | int) -> Iterator[Node]:
        """Yield the nodes in the list at *steps*."""
        value = self.at(*steps).value
        for number in range(len(value) if isinstance(value, list) else 0):
            yield self.at(*steps, number)

    def entries(self, *steps: str | int) -> Iterator[Node]:
        """Yield the nodes among the keys and values at *steps*."""
        for key in self.mapping(*steps):
            yield self.at(*steps, key)

    def problem(self, message: str, *steps: str | int, at_key: bool = False) -> Problem:
        """Return the problem *message* with what stands at *steps*."""
        return self.document.problem((*self.steps, *steps), message, at_key=at_key)


@dataclass(frozen=True)
class Collection:
    """All documents of one configuration, as if they were one; an id counts where it is first."""

    documents: tuple[Document, ...]

    @property
    def tops(self) -> Iterator[Node]:
        """Yield the top of each document that could be read."""
        return (Node(document) for document in self.documents if document.data is not None)

    def entries(self, section: str) -> dict[str, Node]:
        """Return the entries of *section* (`apps`, `sources`, `webhooks`) by name."""
        found: dict[str, Node] = {}
        for top in self.tops:
            for entry in top.entries(section):
                found.setdefault(entry.name, entry)
        return found

    def section(self, name: str) -> Node | None:
        """Return the section that only one file may hold (`egress`, `defaults`), if one does."""
        return next((top.at(name) for top in self.tops if top.is_there(name)), None)
