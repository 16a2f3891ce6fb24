"""A wire to a server that can be cut: before a word goes through, or before its answer comes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class Wire:
    """Forwards a loopback port to another. A context manager.

    *cut_at* is the word that cuts: with *is_taken* the server has it, and its answer is lost. With
    *is_noticed* false the server's end of a cut wire stays open, as where a network parts. While
    *is_down* nobody gets through.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut_at: bytes | None = None
        self.is_taken = False
        self.is_noticed = True
        self.is_down = False
        self._ends: list[tuple[socket.socket, socket.socket]] = []
        self._kept: list[socket.socket] = []
        self._mute: socket.socket | None = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Only this wakes the thread that accepts.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.is_noticed = True
        self.cut()
        for end in self._kept:
            end.close()

    def cut(self) -> None:
        """End every connection that goes through."""
        while self._ends:
            near, far = self._ends.pop()
            ends = (near, far) if self.is_noticed else (near,)
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            if not self.is_noticed:
                self._kept.append(far)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                if self.is_down:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self._ends.append((near, far))
            threading.Thread(target=self._there, args=(near, far), daemon=True).start()
            threading.Thread(target=self._back, args=(near, far), daemon=True).start()

    def _there(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                if self.cut_at is not None and self.cut_at in data:
                    self.cut_at = None
                    if not self.is_taken:
                        self.cut()
                        return
                    self._mute = far
                far.sendall(data)

    def _back(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                if self._mute is far:
                    self.cut()
                    return
                near.sendall(data)
            near.shutdown(socket.SHUT_RDWR)
