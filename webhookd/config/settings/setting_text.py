"""The text of a setting of the process: how people write its value, and its default.

The functions that read a value raise ValueError for one that cannot be.
"""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr

from webhookd.config import paths, urls
from webhookd.config.messages import near, shown
from webhookd.config.settings.setting_names import Meaning
from webhookd.definitions import durations

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

SQLITE = "sqlite:///"
UNIX = "unix:"
POSTGRESQL = ("postgresql://", "postgres://")
MOST_IN_FLIGHT = 100_000
LONGEST_HOST = 253
SHORTEST_LOOK, LONGEST_LOOK = timedelta(milliseconds=100), timedelta(days=1)


def meaning(field: FieldInfo) -> Meaning:
    """Return what the setting *field* means."""
    return next(one for one in field.metadata if isinstance(one, Meaning))


def default(field: FieldInfo) -> str:
    """Return the default of the setting *field*, as Markdown; nothing when it has none."""
    told = meaning(field).default
    if told or field.is_required() or field.default is None:
        return told
    value = field.default
    return f"`{durations.written(value) if isinstance(value, timedelta) else value}`"


def one_of(options: tuple[str, ...], value: object) -> str:
    """Return the one of *options* that *value* is, in whatever case."""
    written = str(value).lower()
    if written not in options:
        told = f"{shown(str(value))} is not one of {', '.join(options)}"
        raise ValueError(told + near(written, options))
    return written


def length(value: object) -> timedelta:
    """Return the length of time that *value* says."""
    return value if isinstance(value, timedelta) else durations.duration(str(value))


def look_every(value: object) -> timedelta | None:
    """Return how long is waited between two looks, as *value* says."""
    if value is None:
        return None
    every = length(value)
    if not SHORTEST_LOOK <= every <= LONGEST_LOOK:
        raise ValueError(
            f"{shown(str(value))} is not from {durations.written(SHORTEST_LOOK)} to"
            f" {durations.written(LONGEST_LOOK)}"
        )
    return every


def host_name(value: object) -> str:
    """Return *value* if it is a name of a host."""
    written = str(value)
    if not re.fullmatch(f"[!-~]{{1,{LONGEST_HOST}}}", written):
        raise ValueError(
            f"{shown(written)} is not a host's name; it is 1 to {LONGEST_HOST} visible ASCII"
            " characters without spaces"
        )
    return written


def this_host() -> str:
    """Return the machine's name, as one that can be written in a configuration."""
    return re.sub("[^!-~]", "?", socket.gethostname())[:LONGEST_HOST] or "localhost"


def in_flight(value: object) -> int:
    """Return the number of attempts that *value* says."""
    written = str(value)
    if not re.fullmatch("[1-9][0-9]{0,5}", written) or int(written) > MOST_IN_FLIGHT:
        raise ValueError(f"{shown(written)} is not a whole number from 1 to {MOST_IN_FLIGHT}")
    return int(written)


def successes(value: object) -> int:
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


def database_url(value: object) -> SecretStr:
    """Return *value* if it is the URL of a database, and show it nowhere."""
    # The URL is not shown: it may hold a password.
    url = str(value)
    if url.startswith(POSTGRESQL):
        urls.check_database(url)
        return SecretStr(url)
    if not url.startswith(SQLITE):
        raise ValueError(
            "write sqlite:///PATH (sqlite:////PATH for an absolute one), or"
            " postgresql://USER@HOST:PORT/DATABASE"
        )
    path = url.removeprefix(SQLITE)
    if not path or path == ":memory:" or not _can_stand_in_a_url(path):
        raise ValueError("this names no database file; write sqlite:///PATH")
    if (reason := paths.why_wrong(path)) is not None:
        raise ValueError(f"the path behind {SQLITE} {reason}")
    return SecretStr(url)


def holds_password(url: str) -> bool:
    """Return whether a URL of libpq holds a password, in either of two places."""
    _, _, rest = url.partition("://")
    authority, _, _ = rest.partition("/")
    user, at, _ = authority.rpartition("@")
    return bool(at and ":" in user) or "password=" in rest.partition("?")[2]


def path(value: object) -> str | None:
    """Return *value* if it is a path of this machine, written without a shell's signs."""
    if value is None:
        return None
    written = str(value)
    reason = paths.why_wrong(written)
    if reason is not None:
        raise ValueError(f"{shown(written)} {reason}")
    return written


def admin_address(value: object) -> str | None:
    """Return *value* if it can be where the admin API listens, as far as a path goes."""
    written = None if value is None else str(value)
    if written is not None and written.startswith(UNIX):
        path(written.removeprefix(UNIX))
    return written


def folder(value: object) -> str:
    """Return *value* if the URL of a database can hold this folder."""
    path = str(value)
    if path.isprintable() and (reason := paths.why_wrong(path)) is not None:
        raise ValueError(f"{shown(path)} {reason}")
    if not _can_stand_in_a_url(path):
        raise ValueError(
            f"{shown(path)} holds '?', '#', '%' or a control character, which the URL of the "
            "database in it cannot; choose another folder"
        )
    return path


def _can_stand_in_a_url(path: str) -> bool:
    return path.isprintable() and not set("?#%") & set(path)


def proxy_url(value: object) -> str | None:
    """Return *value* if it is the URL of a proxy that can be used."""
    if value is None:
        return None
    urls.parse_proxy(str(value))
    return str(value)
