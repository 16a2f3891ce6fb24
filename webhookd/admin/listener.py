"""Where the admin API listens: a unix socket, or a loopback port when that is asked for."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from webhookd.client.admin_address import reachable
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webhookd.client.admin_address import AdminAddress

SOCKET_MODE = 0o660
BACKLOG = 64
_CREDENTIALS = struct.Struct("3i")


class AdminAddressError(WebhookdError):
    """The admin API cannot listen there."""


@contextmanager
def listening(address: AdminAddress) -> Iterator[socket.socket]:
    """Listen at *address*; a unix socket's file is there while the block runs.

    Raises AdminAddressError when somebody else listens there, or something is there that is not a
    socket: only a socket that nobody listens on any more, a dead daemon's, is replaced.
    """
    try:
        if address.path is None:
            listener, own = _tcp(address), None
        else:
            listener, own = _unix(address.path)
    except OSError as error:
        why = error.strerror or str(error)
        raise AdminAddressError(f"cannot listen on {address}: {why}") from error
    try:
        yield listener
    finally:
        listener.close()
        if address.path is not None and own is not None:
            with suppress(OSError, AdminAddressError):
                _remove_own(address.path, own)


def require_free(address: AdminAddress) -> None:
    """Raise AdminAddressError when a daemon could not listen at *address* now.

    To be asked before anything is begun; `listening` looks once more.
    """
    if address.path is not None:
        _is_dead(address.path)


def _unix(path: Path) -> tuple[socket.socket, os.stat_result]:
    """Return what listens at *path*, and what its file is known by."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _alone_in(path.parent), reachable(path) as name:
            if _is_dead(path):
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


def _remove_own(path: Path, own: os.stat_result) -> None:
    """Remove the file at *path* if it is still the socket that is known by *own*."""
    with _alone_in(path.parent):
        found = path.lstat()
        # A number that is free again may be another daemon's by now, who is alive.
        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino) and _is_dead(path):
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


def _is_dead(path: Path) -> bool:
    """Return whether a socket is at *path* that nobody listens on; False: nothing is there.

    AdminAddressError when there is anything else.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISSOCK(mode):
        raise AdminAddressError(
            f"cannot listen on unix:{path}: there is something that is not a socket; move it away,"
            " or choose another address (WEBHOOKD_ADMIN_ADDRESS)"
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
    raise AdminAddressError(
        f"cannot listen on unix:{path}: {whose} listens there; stop it, or give this daemon an"
        " address of its own (WEBHOOKD_ADMIN_ADDRESS)"
    )


def _peer(asking: socket.socket) -> str:
    credentials = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(credentials)
    return f"process {process} of user {user}" if process else f"another process of user {user}"


def _tcp(address: AdminAddress) -> socket.socket:
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
