"""`webhookd init`: a small configuration to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webhookd.cli import init_texts
from webhookd.cli.settings import typed_path
from webhookd.config.messages import no_such
from webhookd.errors import WebhookdError, printable

if TYPE_CHECKING:
    from webhookd.cli.init_texts import Beginning

CONFIG, ENV_EXAMPLE, SAMPLE = "webhookd.yaml", ".env.example", "contacts.csv"
KINDS = ("csv", "hubspot", "rest:PRESET")


class InitError(WebhookdError):
    """A configuration cannot be begun there."""


def init(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[FOLDER]",
            parser=typed_path,
            help="Where to begin; made if it is not there.",
            show_default=False,
        ),
    ] = Path(),
    kind: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="KIND",
            help="What is read: csv, hubspot, or rest:PRESET (see `webhookd presets list`).",
        ),
    ] = "csv",
) -> None:
    """Write a small configuration to begin with, and say what to try.

    It asks nothing, and overwrites nothing: a folder that has a webhookd.yaml is refused.
    """
    beginning = _beginning(kind)
    _write(folder, beginning)
    names = (f"{folder / one}{'' if Path(one).suffix else '/'}" for one in _names(beginning))
    typer.echo(f"written: {printable(', '.join(names))}")
    typer.echo("try:")
    for command in _commands(folder, beginning):
        typer.echo(f"  {printable(command)}")


def _beginning(kind: str) -> Beginning:
    name, colon, preset = kind.partition(":")
    if name == "csv" and not colon:
        return init_texts.csv()
    if name == "hubspot" and not colon:
        return init_texts.hubspot()
    if name == "rest" and preset:
        return _of_preset(preset)
    raise typer.BadParameter(
        f"{kind!r} is none of {', '.join(KINDS)}; `webhookd presets list` lists the presets",
        param_hint="--from",
    )


def _of_preset(name: str) -> Beginning:
    from webhookd.config.presets import catalogue  # noqa: PLC0415 - read for this kind alone

    preset = catalogue.find(name)
    if preset is None:
        raise InitError(no_such("preset", name, catalogue.names()))
    return init_texts.rest(preset)


def _write(folder: Path, beginning: Beginning) -> None:
    """Write all that is not there yet; raises an InitError where a configuration is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Made before the rest: two that begin at the same time do not write one over the other.
        with (folder / CONFIG).open("x", encoding="utf-8") as file:
            file.write(beginning.config)
        for name in beginning.folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in ((ENV_EXAMPLE, beginning.environment), (SAMPLE, beginning.sample)):
            if not (folder / name).exists():
                (folder / name).write_text(text, encoding="utf-8")
    except FileExistsError:
        there = folder / CONFIG if folder.is_dir() else folder
        raise InitError(f"{there} is there already, and nothing is overwritten") from None
    except OSError as error:
        raise InitError(f"cannot write into {folder}: {error.strerror}") from None


def _names(beginning: Beginning) -> tuple[str, ...]:
    return (CONFIG, ENV_EXAMPLE, SAMPLE, *beginning.folders[:1])


def _commands(folder: Path, beginning: Beginning) -> list[str]:
    """Return what to type, in this order, in one shell."""
    there = [] if folder.resolve() == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]
    return [*there, "webhookd schema > webhookd.schema.json", *beginning.commands]
