"""The address of the admin API: a unix socket, or a loopback port when that is asked for."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_SOCKET_PATH = 100
HIGHEST_PORT = 65_535
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):([0-9]{1,5})")


def loopback_port(text: str) -> tuple[str, int] | None:
    """Return the loopback host, without brackets, and the port that *text* is; None for others."""
    found = _LOOPBACK.fullmatch(text)
    if found is None or int(found[2]) > HIGHEST_PORT:
        return None
    return found[1].strip("[]"), int(found[2])


def host_and_port(host: str, port: int) -> str:
    """Return a host and a port as URLs and people write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class AdminAddress:
    """`unix:PATH`, or `127.0.0.1:PORT` (*path* is None then)."""

    path: Path | None
    host: str = ""
    port: int = 0

    @property
    def setting(self) -> str:
        """Return the variable that says it."""
        return "WEBHOOKD_ADMIN_ADDRESS"

    @classmethod
    def parse(cls, text: str) -> AdminAddress:
        """Return the address that *text* means; ConfigError says what it may be."""
        if text.startswith("unix:") and len(text) > len("unix:"):
            return cls(Path(text.removeprefix("unix:")))
        found = loopback_port(text)
        if found is None:
            told = (
                f"{text!r} is no admin address; write unix:PATH, or 127.0.0.1:PORT"
                " (only loopback: put a proxy in front to let others in)"
            )
            raise ConfigError([Problem("WEBHOOKD_ADMIN_ADDRESS", 0, 0, "", told)])
        return cls(None, *found)

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return host_and_port(self.host, self.port)


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give a name for a unix socket's *path* that the kernel takes, however long the path is."""
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        yield str(path)
        return
    # The address of a unix socket holds 107 bytes (unix(7)); a descriptor's folder is short.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
