"""`webhookd run`: the daemon."""

from __future__ import annotations

import gc
import os
from typing import Annotated

import typer
import uvloop

from webhookd.cli.settings import ConfigOption, DatabaseOption, StateOption
from webhookd.config.settings import Settings
from webhookd.errors import ConfigError
from webhookd.operations.reload import ReloadRefusedError
from webhookd.process import daemon
from webhookd.telemetry import logs

BAD_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h; the unit file tells systemd not to restart on it."""


def run(
    config: ConfigOption = None,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="This host's name, for sources that name theirs."
            "  [env: WEBHOOKD_HOST; default: the machine's name]",
            show_default=False,
        ),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option(
            help="auto, json or console.  [env: WEBHOOKD_LOG_FORMAT; default: auto]",
            show_default=False,
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(
            help="debug, info, warning or error.  [env: WEBHOOKD_LOG_LEVEL; default: info]",
            show_default=False,
        ),
    ] = None,
    log_successes: Annotated[
        str | None,
        typer.Option(
            metavar="all|none|1/N",
            help="Which delivered attempts are logged."
            "  [env: WEBHOOKD_LOG_SUCCESSES; default: all]",
            show_default=False,
        ),
    ] = None,
    admin_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where the admin API listens: unix:PATH or 127.0.0.1:PORT."
            "  [env: WEBHOOKD_ADMIN_ADDRESS; default: admin.sock in the state directory]",
            show_default=False,
        ),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How long settled deliveries stay.  [env: WEBHOOKD_RETENTION; default: 30d]",
            show_default=False,
        ),
    ] = None,
    max_in_flight: Annotated[
        str | None,
        typer.Option(
            metavar="COUNT",
            help="Attempts under way at once.  [env: WEBHOOKD_MAX_IN_FLIGHT; default: 1000]",
            show_default=False,
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The HTTP proxy of webhooks that name none.  [env: WEBHOOKD_PROXY]",
            show_default=False,
        ),
    ] = None,
    shutdown_timeout: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How long attempts under way may take to end."
            "  [env: WEBHOOKD_SHUTDOWN_TIMEOUT; default: 30s]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the daemon in the foreground, until SIGTERM or SIGINT. SIGHUP reloads.

    Exit 78 when the configuration is wrong, 1 when the daemon cannot work.
    """
    try:
        settings = Settings.from_environment(
            os.environ,
            config=config,
            state_directory=state_directory,
            database_url=database_url,
            host=host,
            log_format=log_format,
            log_level=log_level,
            log_successes=log_successes,
            admin_address=admin_address,
            retention=retention,
            max_in_flight=max_in_flight,
            proxy=proxy,
            shutdown_timeout=shutdown_timeout,
        )
        logs.configure(settings.log_format, settings.log_level)
        logs.sample_successes(settings.log_successes)
        _sweep_rarely()
        uvloop.run(daemon.run(settings))
    except (ConfigError, ReloadRefusedError) as error:
        error.exit_code = BAD_CONFIGURATION
        raise


def _sweep_rarely() -> None:
    """Look for cycles seldom, and not among what is there to stay: a delivery makes none."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
