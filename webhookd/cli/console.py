"""`webhookd console`: the web console, a process of its own beside the daemon."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from webhookd.cli import client
from webhookd.cli.settings import AdminOption, StateOption
from webhookd.cli.until_stopped import until_told_to_stop
from webhookd.client.admin_address import AdminAddress
from webhookd.console import serving_pages
from webhookd.console.access import own_files
from webhookd.console.daemon_link import Places
from webhookd.console.serving_pages import ConsoleAddress, Links

if TYPE_CHECKING:
    from webhookd.console.visit import Role


class ConsoleRole(StrEnum):
    """What viewers of a console may do."""

    OPERATOR = "operator"
    VIEWER = "viewer"


def console(
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where; loopback only. Port 0: a free one.")
    ] = "127.0.0.1:8377",
    role: Annotated[
        ConsoleRole, typer.Option(help="operator: retry, pause, reload …; viewer: only look.")
    ] = ConsoleRole.OPERATOR,
    link: Annotated[
        bool, typer.Option("--link", help="Print another link into the console that runs there.")
    ] = False,
    admin_address: AdminOption = None,
    state_directory: StateOption = None,
) -> None:
    """Serve pages for people: what needs attention, and why.

    It prints a link that works once and for ten minutes, and goes on until Ctrl-C. From another
    machine: ssh -L 8377:127.0.0.1:8377 HOST
    """
    address, place = ConsoleAddress.parse(listen), own_files.folder(os.environ)
    if link:
        print_links(serving_pages.another_link(address, place))
        return
    if admin_address is not None:
        AdminAddress.parse(admin_address)
    told: Role = "viewer" if role is ConsoleRole.VIEWER else "operator"
    serve = serving_pages.serve(
        address,
        places(admin_address, state_directory),
        told,
        place,
        told=_print_running,
        stop=until_told_to_stop,
    )
    uvloop.run(serve)


def places(admin_address: str | None, state_directory: Path | None) -> Places:
    """Return where the daemon may be, looked for anew whenever it is not there."""
    looked_at = client.looked_at(admin_address)
    if state_directory is not None and admin_address is None:
        looked_at = str(state_directory / "admin.sock")
    return Places(lambda: client.places(admin_address, state_directory), looked_at)


def print_links(links: Links) -> None:
    """Print a way in, for people and for scripts: the first line is the link."""
    typer.echo(links.own)
    typer.echo(f"  or, where a browser does not know that name: {links.fallback}")


def _print_running(links: Links) -> None:
    print_links(links)
    typer.echo("  the link works once; another: webhookd console --link. Ctrl-C ends the console")
