"""The command `webhookd`: its groups, its version, and what an error looks like."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

from webhookd import __version__, systemd
from webhookd.cli.commands import Commands
from webhookd.errors import ConfigError, WebhookdError, printable

FULL = {errno.ENOSPC, errno.EDQUOT}
"""What writing the output fails with when its disk is full."""

app = typer.Typer(
    name="webhookd",
    cls=Commands,
    help="HubSpot's customisable workflow webhooks as a daemon you own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Markup would swallow what stands in brackets.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"webhookd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _complain(text: str) -> None:
    text = "\n".join(map(printable, text.split("\n")))
    if systemd.is_journal():
        text = systemd.with_priority(text, "error")
    print(text, file=sys.stderr)  # noqa: T201 - errors are for stderr, uncoloured


def main() -> None:
    """Run the command line; an error that a person can mend is a line, never a traceback."""
    try:
        app()
    except ConfigError as error:
        for problem in error.problems:
            _complain(str(problem))
        sys.exit(error.exit_code)
    except WebhookdError as error:
        _complain(f"webhookd: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        # Ctrl-C came before the command, or after it, and what it does about that: as a shell says.
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has seen enough; flushing it at exit would fail again.
        sys.stdout = None
        sys.exit(0)
    except OSError as error:
        if error.errno not in FULL:
            raise
        sys.stdout = None
        _complain(f"webhookd: {error.strerror}")
        sys.exit(1)
