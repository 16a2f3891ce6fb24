"""Which commands there are, and the function of each, whose module is read when it is called.

To read all of them takes longer than most commands do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from collections.abc import MutableMapping

PLACES: Final = {
    "run": "run.run",
    "check": "check.check",
    "plan": "plan.plan",
    "reload": "reload.reload",
    "status": "status.status",
    "test": "test.try_webhook",
    "deliveries": "deliveries.app",
    "explain": "explain.explain",
    "pause": "pause.pause",
    "resume": "pause.resume",
    "backfill": "backfill.backfill",
    "sources": "sources.app",
    "db": "db.app",
    "schema": "check.schema",
    "listen": "listen.listen",
    "demo": "demo.demo",
}
"""Each command's function, or its group, by module of this package; in the order of the help."""


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: MutableMapping[str, Any] = _Loaded()  # type: ignore[assignment]


class _Loaded(Mapping[str, Any]):
    """Commands by name, each made when it is looked at."""

    def __getitem__(self, name: str) -> Any:
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


@cache
def _command(name: str) -> Any:
    module, _, attribute = PLACES[name].partition(".")
    found = getattr(import_module(f"{__package__}.{module}"), attribute)
    group = typer.Typer(add_completion=False, rich_markup_mode=None)
    group.callback()(_nothing)
    if isinstance(found, typer.Typer):
        group.add_typer(found, name=name)
    else:
        group.command(name)(found)
    return cast("TyperGroup", get_command(group)).commands[name]


def _nothing() -> None:
    """Make a group of what holds one command."""
