"""The other end of sd_notify: a real socket that takes what systemd would."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class Supervisor:
    """Listens on a notify socket; *messages* are the datagrams that came, each as its lines."""

    def __init__(self, path: Path, *, is_abstract: bool = False) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"\0{path}" if is_abstract else str(path))
        self.environment = {"NOTIFY_SOCKET": f"@{path}" if is_abstract else str(path)}
        self._came: list[list[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def messages(self) -> list[list[str]]:
        """Return all that came so far."""
        while True:
            try:
                self._came.append(self._socket.recv(1 << 16).decode().split("\n"))
            except BlockingIOError:
                return self._came

    @property
    def states(self) -> list[str]:
        """Return every line that came so far."""
        return [line for message in self.messages for line in message]
