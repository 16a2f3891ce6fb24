"""A pooler between clients and PostgreSQL, which lends them sessions as PgBouncer does."""

from __future__ import annotations

import secrets
import select
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgresql import Server

_READY = b"Z\x00\x00\x00\x05I"
_KEY = b"K\x00\x00\x00\x0c"
_GOODBYE = b"X\x00\x00\x00\x04"


class Pooler:
    """Forwards a loopback port to a database of *server*. A context manager.

    While *is_by_transaction* a session is lent until a transaction ends, the last one first, or in
    turn with *is_in_turn*; else it is the client's until that goes. *most* are lent at a time.
    """

    def __init__(self, server: Server, name: str, *, most: int = 20) -> None:
        self.is_by_transaction = False
        self.is_in_turn = False
        self._address = str(server.folder / f".s.PGSQL.{server.port}")
        self._name = name
        self._most = threading.Semaphore(most)
        self._free: list[socket.socket] = []
        self._all: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._greeting = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"postgresql://postgres@{place}/{name}?sslmode=disable&gssencmode=disable"

    def __enter__(self) -> Self:
        self._free.append(self._session())
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listener, *self._all):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        for end in self._all:
            end.close()

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._all.append(client)
                self._run(self._serve, client)

    def _session(self) -> socket.socket:
        """Begin a session of the server's, and keep what it says to greet."""
        session = socket.socket(socket.AF_UNIX)
        self._all.append(session)
        session.connect(self._address)
        words = f"user\0postgres\0database\0{self._name}\0\0".encode()
        session.sendall(struct.pack("!II", len(words) + 8, 3 << 16) + words)
        said = b""
        while not said.endswith(_READY):
            said += session.recv(65536)
        self._greeting = said[: -len(_READY) - len(_KEY) - 8]
        return session

    def _lend(self) -> socket.socket:
        self._most.acquire()
        if self._listener.fileno() < 0:
            raise OSError("the pooler has ended")
        with suppress(IndexError):
            return self._free.pop(0 if self.is_in_turn else -1)
        return self._session()

    def _serve(self, client: socket.socket) -> None:
        session = None
        with suppress(OSError), client:
            client.recv(65536)
            client.sendall(self._greeting + _KEY + secrets.token_bytes(8) + _READY)
            while (data := client.recv(65536)) not in {b"", _GOODBYE}:
                session = session or self._lend()
                session.sendall(data)
                if _is_through(client, session) and self.is_by_transaction:
                    self._free.append(session)
                    self._most.release()
                    session = None
        if session is not None:
            session.close()
            self._most.release()


def _is_through(client: socket.socket, session: socket.socket) -> bool:
    """Forward both ways until a transaction has ended; False where the client went before."""
    end = b""
    while end != _READY:
        for ready in select.select([client, session], [], [])[0]:
            data = ready.recv(65536)
            if data in {b"", _GOODBYE}:
                return False
            (session if ready is client else client).sendall(data)
            if ready is session:
                end = (end + data)[-len(_READY) :]
    return True
