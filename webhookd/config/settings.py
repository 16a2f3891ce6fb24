"""The settings of the process: `WEBHOOKD_…` in the environment, or options of `run`.

Everything about webhooks is in the configuration file; what is here cannot be reloaded.
"""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from webhookd.config import urls
from webhookd.config.messages import near, shown
from webhookd.definitions import Proxy, durations
from webhookd.errors import ConfigError, Problem
from webhookd.model import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "WEBHOOKD_"
SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")
MOST_IN_FLIGHT = 100_000
LONGEST_HOST = 253

LogFormat = Literal["auto", "json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]


def _one_of(options: tuple[str, ...], value: object) -> str:
    written = str(value).lower()
    if written not in options:
        told = f"{shown(str(value))} is not one of {', '.join(options)}"
        raise ValueError(told + near(written, options))
    return written


def _duration(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else durations.duration(str(value))


def _host(value: object) -> str:
    written = str(value)
    if not re.fullmatch(f"[!-~]{{1,{LONGEST_HOST}}}", written):
        raise ValueError(
            f"{shown(written)} is not a host's name; it is 1 to {LONGEST_HOST} visible ASCII"
            " characters without spaces"
        )
    return written


def _this_host() -> str:
    """Return the machine's name, as one that can be written in a configuration."""
    return re.sub("[^!-~]", "?", socket.gethostname())[:LONGEST_HOST] or "localhost"


def _in_flight(value: object) -> int:
    written = str(value)
    if not re.fullmatch("[1-9][0-9]{0,5}", written) or int(written) > MOST_IN_FLIGHT:
        raise ValueError(f"{shown(written)} is not a whole number from 1 to {MOST_IN_FLIGHT}")
    return int(written)


def _successes(value: object) -> int:
    """Return the N of `1/N`: 1 for `all`, 0 for `none`."""
    if isinstance(value, int):
        return value
    written = str(value).lower()
    if written in ("all", "none"):
        return int(written == "all")
    found = re.fullmatch("1/([1-9][0-9]{0,8})", written)
    if found is None:
        raise ValueError(f"{shown(written)} is not all, none or 1/N")
    return int(found[1])


def _database_url(value: object) -> SecretStr:
    # The URL is not shown: it may hold a password.
    url = str(value)
    if url.startswith(POSTGRESQL):
        if not url.isprintable():
            raise ValueError("the URL holds a control character; write it as %XX")
        return SecretStr(url)
    if not url.startswith(SQLITE):
        raise ValueError(
            "write sqlite:///PATH (sqlite:////PATH for an absolute one), or"
            " postgresql://USER@HOST:PORT/DATABASE"
        )
    path = url.removeprefix(SQLITE)
    if not path or path == ":memory:" or not _can_stand_in_a_url(path):
        raise ValueError("this names no database file; write sqlite:///PATH")
    return SecretStr(url)


def _holds_password(url: str) -> bool:
    """Return whether a URL of libpq holds a password, in either of two places."""
    _, _, rest = url.partition("://")
    authority, _, _ = rest.partition("/")
    user, at, _ = authority.rpartition("@")
    return bool(at and ":" in user) or "password=" in rest.partition("?")[2]


def _folder(value: object) -> str:
    path = str(value)
    if not _can_stand_in_a_url(path):
        raise ValueError(
            f"{shown(path)} holds '?', '#', '%' or a control character, which the URL of the "
            "database in it cannot; choose another folder"
        )
    return path


def _can_stand_in_a_url(path: str) -> bool:
    return path.isprintable() and not set("?#%") & set(path)


def _proxy_url(value: object) -> str | None:
    if value is None:
        return None
    urls.parse_proxy(str(value))
    return str(value)


_IN_SIGHT = (
    "it holds a password, which everybody on this host can see there; set it as"
    f" {PREFIX}DATABASE_URL, or leave the password to a file (PGPASSFILE, ~/.pgpass)"
)


class Settings(BaseSettings):
    """What the process works with. *state_directory* holds the database unless said otherwise.

    *log_successes* is the N of `1/N`: every Nth delivered attempt is logged; 0 logs none.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    config: Path | None = None
    state_directory: Annotated[Path, BeforeValidator(_folder)] = Path(".webhookd")
    database_url: Annotated[SecretStr, BeforeValidator(_database_url)]
    host: Annotated[str, BeforeValidator(_host)]
    log_format: Annotated[
        LogFormat, BeforeValidator(partial(_one_of, ("auto", "json", "console")))
    ] = "auto"
    log_level: Annotated[
        LogLevel, BeforeValidator(partial(_one_of, ("debug", "info", "warning", "error")))
    ] = "info"
    log_successes: Annotated[int, BeforeValidator(_successes)] = 1
    admin_address: str | None = None
    admin_token: SecretStr | None = None
    admin_token_file: Path | None = None
    retention: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(days=30)
    max_in_flight: Annotated[int, BeforeValidator(_in_flight)] = 1000
    proxy: Annotated[str | None, BeforeValidator(_proxy_url)] = None
    shutdown_timeout: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(seconds=30)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **options: object) -> Settings:
        """Return the settings in *environment*; *options* that are not None win over it."""
        given = {name: value for name, value in options.items() if value is not None}
        if _holds_password(str(given.get("database_url", ""))):
            raise ConfigError([Problem("--database-url", 0, 0, "", _IN_SIGHT)])
        values = {**_defaults(environment), **_variables(environment), **given}
        values.setdefault("host", _this_host())
        if "database_url" not in values:
            values["database_url"] = f"{SQLITE}{Path(values['state_directory']) / 'webhookd.db'}"
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigError(_problems(error, given)) from None

    def outgoing_proxy(self) -> Proxy | None:
        """Return the proxy of requests whose webhook names none."""
        return None if self.proxy is None else Proxy(self.proxy)

    def admin_socket(self, environment: Mapping[str, str]) -> str:
        """Return where the admin API listens: as set, else a socket where the daemon runs."""
        if self.admin_address is not None:
            return self.admin_address
        directory = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        return f"unix:{Path(directory or self.state_directory) / 'admin.sock'}"

    def token(self) -> Secret | None:
        """Return the admin API's token, None when there is none; ConfigError when unreadable."""
        if self.admin_token is not None:
            return Secret(self.admin_token.get_secret_value())
        if self.admin_token_file is None:
            return None
        try:
            text = self.admin_token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", "it is not text")
            told = f"{self.admin_token_file} cannot be read: {why}"
            raise ConfigError([Problem(f"{PREFIX}ADMIN_TOKEN_FILE", 0, 0, "", told)]) from None
        if not text:
            told = f"{self.admin_token_file} is empty"
            raise ConfigError([Problem(f"{PREFIX}ADMIN_TOKEN_FILE", 0, 0, "", told)])
        return Secret(text)

    def config_path(self) -> Path:
        """Return where the configuration is, or raise a `ConfigError` that asks for it."""
        if self.config is None:
            message = "is not set; say where the configuration is, or use --config PATH"
            raise ConfigError([Problem(f"{PREFIX}CONFIG", 0, 0, "", message)])
        return self.config


def _defaults(environment: Mapping[str, str]) -> dict[str, Any]:
    # All of them: for what is not given, pydantic would look at this process's environment.
    fields = Settings.model_fields.items()
    defaults = {name: field.default for name, field in fields if not field.is_required()}
    # systemd sets it from StateDirectory=, which may name several; the first is ours.
    directory = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    return {**defaults, "state_directory": directory or defaults["state_directory"]}


def _variables(environment: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environment.items() if value}
    return dict(source())


def _problems(error: ValidationError, options: Mapping[str, object]) -> list[Problem]:
    problems = []
    wrong = {str(found["loc"][0]): found["msg"] for found in error.errors(include_url=False)}
    if "state_directory" in wrong and "database_url" not in options:
        # It is made of the other, which says what is wrong.
        wrong.pop("database_url", None)
    for name, told in wrong.items():
        shown_as = f"--{name.replace('_', '-')}" if name in options else f"{PREFIX}{name.upper()}"
        problems.append(Problem(shown_as, 0, 0, "", told.removeprefix("Value error, ")))
    return problems
