"""The settings of the process: `WEBHOOKD_…` in the environment, or options of `run`.

Everything about webhooks is in the configuration file; what is here cannot be reloaded.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from webhookd.config.settings import config_places, setting_names, setting_text
from webhookd.config.settings.setting_names import PREFIX, Meaning
from webhookd.definitions import Proxy
from webhookd.errors import ConfigError, Problem
from webhookd.model import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


LogFormat = Literal["auto", "json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]


_IN_SIGHT = (
    "it holds a password, which everybody on this host can see there; set it as"
    f" {PREFIX}DATABASE_URL, or leave the password to a file (PGPASSFILE, ~/.pgpass)"
)


class Settings(BaseSettings):
    """What the process works with. *state_directory* holds the database unless said otherwise.

    Each field says what people read of it (`Meaning`): the documents and the options of `run` are
    made of that. *log_successes* is the N of `1/N`: every Nth delivered attempt is logged; 0 logs
    none.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    config: Annotated[Path | None, BeforeValidator(setting_text.path), setting_names.CONFIG] = None
    state_directory: Annotated[
        Path,
        BeforeValidator(setting_text.folder),
        setting_names.STATE_DIRECTORY,
    ] = Path(".webhookd")
    database_url: Annotated[
        SecretStr,
        BeforeValidator(setting_text.database_url),
        setting_names.DATABASE_URL,
    ]
    host: Annotated[
        str,
        BeforeValidator(setting_text.host_name),
        Meaning(
            "The name of this host, which the `host` of a [drop directory](#drop-directory) is"
            " compared with.",
            "NAME",
            default="the machine's name",
        ),
    ]
    log_format: Annotated[
        LogFormat,
        BeforeValidator(partial(setting_text.one_of, get_args(LogFormat))),
        Meaning("`auto`, `json` or `console`.", "FORMAT"),
    ] = "auto"
    log_level: Annotated[
        LogLevel,
        BeforeValidator(partial(setting_text.one_of, get_args(LogLevel))),
        Meaning("`debug`, `info`, `warning` or `error`.", "LEVEL"),
    ] = "info"
    log_successes: Annotated[
        int,
        BeforeValidator(setting_text.successes),
        Meaning(
            "Which delivered attempts are logged: `all`, `none`, or one in N as `1/N`. Failed ones"
            " always are.",
            "all|none|1/N",
            default="`all`",
        ),
    ] = 1
    admin_address: Annotated[
        str | None,
        BeforeValidator(setting_text.admin_address),
        Meaning(
            "Where the admin API listens: `unix:PATH`, or `127.0.0.1:PORT`.",
            "ADDRESS",
            default="`unix:<$RUNTIME_DIRECTORY or state>/admin.sock`",
        ),
    ] = None
    admin_token: Annotated[
        SecretStr | None, Meaning("The token that `/v1` asks for on a TCP port.")
    ] = None
    admin_token_file: Annotated[
        Path | None,
        BeforeValidator(setting_text.path),
        Meaning("A file that holds it instead."),
    ] = None
    metrics_address: Annotated[
        str | None,
        BeforeValidator(setting_text.admin_address),
        Meaning(
            "Where `/healthz`, `/readyz` and `/metrics` are served as well, and nothing else: any"
            " `HOST:PORT` of this machine, as `0.0.0.0:9464`, or `unix:PATH`. Anybody who reaches"
            " it may ask.",
            "ADDRESS",
            default="none: the admin API alone has them",
        ),
    ] = None
    watch_config: Annotated[
        timedelta | None,
        BeforeValidator(setting_text.look_every),
        Meaning(
            "Look so often whether the [configuration's files](running.md#without-a-signal) are"
            " others, and reload then, as by SIGHUP.",
            "DURATION",
            default="off",
        ),
    ] = None
    inbound_address: Annotated[
        str | None,
        BeforeValidator(setting_text.admin_address),
        Meaning(
            "Where [wakes](sources.md#woken-instead-of-waiting) come in: `unix:PATH`,"
            " `127.0.0.1:PORT` or, with a certificate, any address; never the admin API's.",
            "ADDRESS",
            default="none: nothing listens",
        ),
    ] = None
    inbound_url: Annotated[
        str | None,
        Meaning(
            "What senders of wakes call that, as `https://hooks.example.com`: some sign it.",
            "URL",
            default="what each request itself says",
        ),
    ] = None
    inbound_tls_cert: Annotated[
        Path | None,
        BeforeValidator(setting_text.path),
        Meaning(
            "The certificate that they are shown, with those between it and its authority; a file"
            " in PEM form, read again when it is renewed.",
            "PATH",
        ),
    ] = None
    inbound_tls_key: Annotated[
        Path | None,
        BeforeValidator(setting_text.path),
        Meaning("The private key of that, not encrypted.", "PATH"),
    ] = None
    retention: Annotated[
        timedelta,
        BeforeValidator(setting_text.length),
        Meaning("How long settled deliveries are kept.", "DURATION"),
    ] = timedelta(days=30)
    max_in_flight: Annotated[
        int,
        BeforeValidator(setting_text.in_flight),
        Meaning("How many attempts may be in flight at once, all webhooks together.", "COUNT"),
    ] = 1000
    proxy: Annotated[
        str | None,
        BeforeValidator(setting_text.proxy_url),
        Meaning(
            "The HTTP proxy, as `http://HOST:PORT`, of requests that name none of their own;"
            " without it they are sent directly.",
            "URL",
        ),
    ] = None
    shutdown_timeout: Annotated[
        timedelta,
        BeforeValidator(setting_text.length),
        Meaning(
            "How long attempts in flight may take to finish when the daemon stops.", "DURATION"
        ),
    ] = timedelta(seconds=30)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **options: object) -> Settings:
        """Return the settings in *environment*; *options* that are not None win over it."""
        given = {name: value for name, value in options.items() if value is not None}
        if setting_text.holds_password(str(given.get("database_url", ""))):
            raise ConfigError([Problem("--database-url", 0, 0, "", _IN_SIGHT)])
        values = {**_defaults(environment), **_variables(environment), **given}
        values.setdefault("host", setting_text.this_host())
        if "database_url" not in values:
            database = Path(values["state_directory"]) / "webhookd.db"
            values["database_url"] = f"{setting_text.SQLITE}{database}"
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
            return _token(self.admin_token.get_secret_value().strip(), f"{PREFIX}ADMIN_TOKEN", "it")
        if self.admin_token_file is None:
            return None
        try:
            text = self.admin_token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", "it is not text")
            told = f"{self.admin_token_file} cannot be read: {why}"
            raise ConfigError([Problem(f"{PREFIX}ADMIN_TOKEN_FILE", 0, 0, "", told)]) from None
        return _token(text, f"{PREFIX}ADMIN_TOKEN_FILE", str(self.admin_token_file))

    def config_path(self) -> Path:
        """Return where the configuration is: as set, else where it is looked for.

        Raises a `ConfigError` that asks for it where it is not there either.
        """
        found = self.config or config_places.find()
        if found is None:
            message = (
                "is not set; say where the configuration is, or use --config PATH (there is none in"
                f" {config_places.LOOKED_AT}; `webhookd init` begins one)"
            )
            raise ConfigError([Problem(f"{PREFIX}CONFIG", 0, 0, "", message)])
        return found


def _token(text: str, setting: str, place: str) -> Secret:
    """Return the token *text* if a header can carry it; ConfigError names *setting* and *place*."""
    told = "is empty" if not text else "holds a line break or another control character"
    if not text or re.search("[\0-\x1f\x7f]", text):
        raise ConfigError([Problem(setting, 0, 0, "", f"{place} {told}")])
    return Secret(text)


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
        shown_as = setting_names.option(name) if name in options else setting_names.variable(name)
        problems.append(Problem(shown_as, 0, 0, "", told.removeprefix("Value error, ")))
    return problems
