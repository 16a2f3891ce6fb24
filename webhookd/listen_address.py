"""Where others than operators ask: a unix socket, or any address and port of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from webhookd.client.admin_address import HIGHEST_PORT, host_and_port
from webhookd.errors import ConfigError, Problem

_TCP: Final = re.compile(r"([0-9.]+|localhost|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what is looked for, not bound


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """`unix:PATH`, or `HOST:PORT` (*path* is None then).

    *setting* is the variable that says it.
    """

    path: Path | None
    host: str = ""
    port: int = 0
    setting: str = ""

    @classmethod
    def parse(cls, text: str, setting: str) -> ListenAddress:
        """Return the address that *text* of *setting* means; ConfigError says what it may be."""
        if text.startswith("unix:") and len(text) > len("unix:"):
            return cls(Path(text.removeprefix("unix:")), setting=setting)
        found = _TCP.fullmatch(text)
        if found is None or int(found[2]) > HIGHEST_PORT or not _is_host(found[1]):
            told = (
                f"{text!r} is no address to listen at; write unix:PATH, 127.0.0.1:PORT, or another"
                " address of this machine, as 0.0.0.0:PORT or [::]:PORT"
            )
            raise ConfigError([Problem(setting, 0, 0, "", told)])
        return cls(None, found[1].strip("[]"), int(found[2]), setting)

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine reaches it."""
        return self.path is not None or _is_loopback(self.host)

    def is_same(self, path: Path | None, host: str, port: int) -> bool:
        """Return whether who connects to this one may reach another address."""
        if self.path is not None and path is not None:
            return self.path.absolute().resolve() == path.absolute().resolve()
        if self.path is not None or path is not None or self.port != port or not port:
            return False
        hosts = {self.host, host}
        return len(hosts) == 1 or bool(hosts & _ANYWHERE) or all(map(_is_loopback, hosts))

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return host_and_port(self.host, self.port)


def _is_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return host.startswith("[") == (":" in host)


def _is_loopback(host: str) -> bool:
    return host == "localhost" or ip_address(host).is_loopback
