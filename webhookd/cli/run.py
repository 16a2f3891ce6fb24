"""`webhookd run`: the daemon."""

from __future__ import annotations

import os
from typing import Annotated

import typer
import uvloop

from webhookd.cli.settings import BAD_CONFIGURATION, EnvFileOption, takes_settings
from webhookd.config.settings.process_settings import Settings
from webhookd.errors import ConfigError, DatabaseUrlError
from webhookd.operations.reloading.reload_refusals import ReloadRefusedError
from webhookd.process import daemon, garbage
from webhookd.telemetry import logs

NewDatabaseOption = Annotated[
    bool,
    typer.Option(
        "--new-database",
        help="Begin anew where the database is empty or not there, although there was one:"
        " every record is told as created. For one start.",
    ),
]


@takes_settings
def run(
    *,
    new_database: NewDatabaseOption = False,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
    **options: object,
) -> None:
    """Run the daemon in the foreground, until SIGTERM or SIGINT.

    SIGHUP has it read its configuration anew. Exit 78 when the configuration is wrong, 1
    when the daemon cannot work.
    """
    try:
        settings = Settings.from_environment(os.environ, **options)
        logs.configure(settings.log_format, settings.log_level)
        logs.sample_successes(settings.log_successes)
        garbage.sweep_rarely()
        uvloop.run(daemon.run(settings, new_database=new_database))
    except (ConfigError, DatabaseUrlError, ReloadRefusedError) as error:
        error.end_with(BAD_CONFIGURATION)
        raise
