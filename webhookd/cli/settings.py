"""Where commands find the configuration and the database, and the options that say so."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from webhookd.config.settings import setting_names
from webhookd.config.settings.setting_names import (
    CONFIG,
    DATABASE_URL,
    STATE_DIRECTORY,
    plain,
)
from webhookd.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhookd.config.settings.setting_names import Meaning
    from webhookd.storage.database.database import Database


AdminOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--admin-address",
        metavar="ADDRESS",
        help="Where the daemon's admin API is: unix:PATH or 127.0.0.1:PORT."
        "  [env: WEBHOOKD_ADMIN_ADDRESS]",
        show_default=False,
    ),
]


def typed_path(text: str) -> Path:
    """Return the path that was typed; refuse an empty one."""
    # An unset variable of a script must not stand for the folder it runs in.
    if not text:
        raise typer.BadParameter("the path is empty")
    return Path(text)


def option(name: str, meaning: Meaning, default: str = "") -> Any:
    """Return the option of the setting *name*; *default* is shown where that is what holds."""
    shown = f"  [env: {setting_names.variable(name)}{f'; default: {default}' if default else ''}]"
    return typer.Option(
        *_FLAGS.get(name, (setting_names.option(name),)),
        parser=typed_path if name in _PATHS else None,
        metavar=meaning.metavar,
        help=setting_names.plain(meaning.text + shown),
        show_default=False,
    )


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* the option of each setting that has one, beside its own; typer reads it."""
    # Only `run` has them all, which loads what reads them anyway.
    from webhookd.config.settings import setting_text  # noqa: PLC0415
    from webhookd.config.settings.process_settings import Settings  # noqa: PLC0415

    own = signature(command, eval_str=True).parameters.values()
    vars(command)["__signature__"] = Signature(
        [
            *(one for one in own if one.kind is Parameter.KEYWORD_ONLY),
            *(
                Parameter(
                    name,
                    Parameter.KEYWORD_ONLY,
                    default=None,
                    annotation=Annotated[
                        Path | None if name in _PATHS else str | None,
                        option(name, setting_text.meaning(field), setting_text.default(field)),
                    ],
                )
                for name, field in Settings.model_fields.items()
                if setting_text.meaning(field).metavar
            ),
        ]
    )
    return command


_FLAGS = {"config": ("--config", "-c")}
_PATHS = {"config", "state_directory", "inbound_tls_cert", "inbound_tls_key"}

ConfigOption: TypeAlias = Annotated[Path | None, option("config", CONFIG, plain(CONFIG.default))]
StateOption: TypeAlias = Annotated[Path | None, option("state_directory", STATE_DIRECTORY)]
DatabaseOption: TypeAlias = Annotated[str | None, option("database_url", DATABASE_URL)]

USUAL_STATE_DIRECTORIES = (Path("/var/lib/webhookd"), Path(".webhookd"))


def config_path(config: Path | None) -> Path:
    """Return where the configuration is, or raise a ConfigError that asks for it.

    Says which it is where nobody did.
    """
    from webhookd.config.settings.process_settings import Settings  # noqa: PLC0415 - see above

    settings = Settings.from_environment(os.environ, config=config)
    path = settings.config_path()
    if settings.config is None:
        typer.echo(f"configuration: {path}", err=True)
    return path


def _read_env_file(context: typer.Context, path: Path | None) -> Path | None:
    """Take the variables of a file into the environment, but for those that are set there."""
    if path is not None:
        from webhookd.config.settings import env_file  # noqa: PLC0415 - few commands read one
        from webhookd.errors import ConfigError  # noqa: PLC0415

        try:
            for name, value in env_file.read(path).items():
                os.environ.setdefault(name, value)
        except ConfigError as error:
            if context.info_name == "run":
                error.end_with(BAD_CONFIGURATION)
            raise
    return path


BAD_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h; the unit file tells systemd not to restart on it."""

EnvFileOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        callback=_read_env_file,
        is_eager=True,
        help="Environment variables, NAME=VALUE a line; those that are set go first.",
        show_default=False,
    ),
]


def open_outbox(state_directory: Path | None, database_url: str | None) -> Database:
    """Return the daemon's database, for reading.

    By option, else by environment, else where a daemon usually keeps it. Never creates one;
    raises StorageError when there is none.
    """
    # Most who might read it ask the daemon instead, and need not wait for what reads it.
    from webhookd.storage.database.database import open_for_reading  # noqa: PLC0415

    return open_for_reading(find_outbox(state_directory, database_url).url)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Where a daemon's database is, and the state directory that such a daemon holds."""

    url: str = field(repr=False)
    state_directory: Path


def find_outbox(state_directory: Path | None, database_url: str | None) -> Outbox:
    """Return where the daemon's database is: as `open_outbox` looks for it."""
    if _is_told(state_directory, database_url, os.environ):
        from webhookd.config.settings.process_settings import Settings  # noqa: PLC0415 - see above

        settings = Settings.from_environment(
            os.environ, state_directory=state_directory, database_url=database_url
        )
        return Outbox(settings.database_url.get_secret_value(), settings.state_directory)
    for directory in USUAL_STATE_DIRECTORIES:
        path = directory / "webhookd.db"
        if is_there(path):
            return Outbox(f"sqlite:///{path}", directory)
    raise _nowhere(*USUAL_STATE_DIRECTORIES)


def require_outbox(state_directory: Path | None, database_url: str | None) -> None:
    """Raise StorageError where no database is, before all is loaded that reads one."""
    found = find_outbox(state_directory, database_url)
    _, is_file, path = found.url.partition("sqlite:///")
    if is_file and not is_there(Path(path)):
        raise _nowhere(Path(path).parent)


def _nowhere(*directories: Path) -> StorageError:
    looked = " and ".join(map(str, directories))
    return StorageError(
        f"no database found (looked in {looked}); say where it is with --state-directory PATH"
    )


def is_there(path: Path) -> bool:
    """Return whether *path* exists; StorageError when this user may not even look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StorageError(
            f"cannot look at {path}: {error.strerror}; ask as root, or as a member of the"
            " daemon's group"
        ) from error
    return True


def _is_told(
    state_directory: Path | None, database_url: str | None, environment: Mapping[str, str]
) -> bool:
    names = ("WEBHOOKD_STATE_DIRECTORY", "WEBHOOKD_DATABASE_URL", "STATE_DIRECTORY")
    is_in_environment = any(environment.get(name) for name in names)
    return state_directory is not None or database_url is not None or is_in_environment
