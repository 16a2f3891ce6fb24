"""`webhookd presets`: the definitions of APIs that are shipped, for sources to extend."""

from __future__ import annotations

from typing import Annotated

import typer

from webhookd.cli.help import example
from webhookd.cli.output import print_json
from webhookd.cli.tables import print_table
from webhookd.config.messages import no_such
from webhookd.config.presets import catalogue
from webhookd.errors import WebhookdError

app = typer.Typer(no_args_is_help=True)


class NoSuchPresetError(WebhookdError):
    """No preset of that name is shipped."""


@app.command("list", epilog=example("webhookd presets list"))
def list_presets(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the presets: what each reads, and what it was held against.

    `documents` means the API's public documents and a fake of that shape; `live` the service.
    """
    found = [preset for name in catalogue.names() if (preset := catalogue.find(name))]
    if as_json:
        for one in found:
            print_json(
                {
                    "preset": one.name,
                    "title": one.title,
                    "status": one.status,
                    "objects": list(one.objects),
                    "takes_any_object": one.takes_any_object,
                }
            )
        return
    rows = [(one.name, one.title, _objects(one), one.status) for one in found]
    print_table(("PRESET", "READS", "OBJECTS", "STATUS"), rows)


@app.command("show", epilog=example("webhookd presets show pipedrive-v2 > pipedrive.yaml"))
def show(name: Annotated[str, typer.Argument(metavar="PRESET", help="The preset.")]) -> None:
    """Show a preset as a configuration: to look at, or to copy and change.

    Exit 1 when there is no such preset.
    """
    preset = catalogue.find(name)
    if preset is None:
        raise NoSuchPresetError(no_such("preset", name, catalogue.names()))
    typer.echo(preset.as_configuration())


def _objects(preset: catalogue.Preset) -> str:
    named = ", ".join(preset.objects)
    if not preset.takes_any_object:
        return named
    return f"{named}, or any other" if named else "any"
