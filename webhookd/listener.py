"""Listening: on a unix socket, or a TCP port, for the admin API or for wakes."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from webhookd.client.admin_address import reachable
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOCKET_MODE = 0o660
BACKLOG = 64
_CREDENTIALS = struct.Struct("3i")


class Address(Protocol):
    """Where to listen: at the unix socket *path*, else at *host* and *port*.

    *setting* is the variable that says so, for people.
    """

    @property
    def path(self) -> Path | None: ...  # noqa: D102 - see above
    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def setting(self) -> str: ...  # noqa: D102


class AddressError(WebhookdError):
    """The daemon cannot listen there."""


@contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """Listen at *address*; a unix socket's file is there while the block runs.

    Raises AddressError when somebody else listens there, or something is there that is not a
    socket: only a socket that nobody listens on any more, a dead daemon's, is replaced.
    """
    try:
        if address.path is None:
            listener, own = _tcp(address), None
        else:
            listener, own = _unix(address.path, address.setting)
    except OSError as error:
        why = error.strerror or str(error)
        raise AddressError(f"cannot listen on {address}: {why}") from error
    try:
        yield listener
    finally:
        listener.close()
        if address.path is not None and own is not None:
            with suppress(OSError, AddressError):
                _remove_own(address.path, own, address.setting)


def require_free(address: Address) -> None:
    """Raise AddressError when a daemon could not listen at *address* now.

    To be asked before anything is begun; `listening` looks once more.
    """
    if address.path is not None:
        _is_dead(address.path, address.setting)


def _unix(path: Path, setting: str) -> tuple[socket.socket, os.stat_result]:
    """Return what listens at *path*, and what its file is known by."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _alone_in(path.parent), reachable(path) as name:
            if _is_dead(path, setting):
                path.unlink()
            # Linux gives the file the mode that the socket has, as far as the umask allows: nobody
            # may connect before the mode is right, and the umask is of all threads.
            os.fchmod(listener.fileno(), SOCKET_MODE)
            listener.bind(name)
            path.chmod(SOCKET_MODE)
            listener.listen(BACKLOG)
            return listener, path.lstat()
    except BaseException:
        listener.close()
        raise


def _remove_own(path: Path, own: os.stat_result, setting: str) -> None:
    """Remove the file at *path* if it is still the socket that is known by *own*."""
    with _alone_in(path.parent):
        found = path.lstat()
        # A number that is free again may be another daemon's by now, who is alive.
        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino) and _is_dead(path, setting):
            path.unlink()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other daemons from replacing a socket in *folder* meanwhile, after the same look."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_dead(path: Path, setting: str) -> bool:
    """Return whether a socket is at *path* that nobody listens on; False: nothing is there.

    AddressError when there is anything else.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISSOCK(mode):
        raise AddressError(
            f"cannot listen on unix:{path}: there is something that is not a socket; move it away,"
            f" or choose another address ({setting})"
        )
    with reachable(path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(name)
        except ConnectionRefusedError:
            return True
        except FileNotFoundError:
            return False
        except BlockingIOError:
            # It lives, and has more callers than it answers.
            whose = "another process"
        except OSError as error:
            whose = f"another process ({error.strerror})"
        else:
            whose = _peer(asking)
    raise AddressError(
        f"cannot listen on unix:{path}: {whose} listens there; stop it, or give this daemon an"
        f" address of its own ({setting})"
    )


def _peer(asking: socket.socket) -> str:
    credentials = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(credentials)
    return f"process {process} of user {user}" if process else f"another process of user {user}"


def _tcp(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError:
        listener.close()
        raise
    listener.listen(BACKLOG)
    return listener
