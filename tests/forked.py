"""Processes of webhookd that start with everything imported: real processes, forked.

Half of a test run's CPU time went into interpreters that imported the same modules again. Here a
server (one for each process of the test run, this module as a program) imports them once and forks
a process for each command or daemon; the process gets its arguments, environment, folder and
standard streams, runs `python -m webhookd`'s module as its main module, and is signalled, killed
and waited for like any other. What a test says about the start itself (signals during imports,
locales, the installed script) starts an interpreter of its own instead.

Between the two sides stands a Unix socket: a request is one JSON text with three descriptors; the
answers are the process's number and, at its end, its status as `waitpid` gives it.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST = 1 << 20
"""Bytes of the longest request: a whole environment and its arguments."""
_NUMBER = 12
"""Bytes of each answer: a process's number, or its status."""


class Forked:
    """A running process: the part of `subprocess.Popen` that tests use."""

    def __init__(self, connection: socket.socket, stderr: IO[str] | None) -> None:
        self._connection = connection
        self.pid = self._read()
        self.returncode: int | None = None
        self.stderr = stderr

    def poll(self) -> int | None:
        """Return the exit status, None while the process runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait at most *timeout* seconds for the end and return the exit status."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                status = self._read()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("webhookd", timeout or 0) from None
            self.returncode = os.waitstatus_to_exitcode(status)
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process is over."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _read(self) -> int:
        """Return the next number, which is sent as a whole."""
        text = self._connection.recv(_NUMBER)
        assert len(text) == _NUMBER, "the server of processes is gone"
        return int(text)


class _Server:
    """The server of this process of the test run; it ends when this process does."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="webhookd-forked-")
        self.address = f"{self._folder.name}/socket"
        self._alive, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.address)
            listening.listen(64)
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.forked"),
                    *(str(listening.fileno()), str(theirs.fileno())),
                ],
                pass_fds=(listening.fileno(), theirs.fileno()),
                cwd=Path(__file__).parents[1],
            )
        atexit.register(self.close)

    def close(self) -> None:
        self._alive.close()
        self._process.wait(60)
        self._folder.cleanup()


_lock = threading.Lock()


@functools.cache
def _server() -> _Server:
    """Return the one server for all tests of this process; call it while holding the lock."""
    return _Server()


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Forked:
    """Start `webhookd` with *arguments* in *folder*; its standard error can be read as text.

    *stdin* and *stdout* are descriptors, which stay the caller's.
    """
    with _lock:
        address = _server().address
    reading, writing = os.pipe()
    request = {
        "arguments": list(arguments),
        "folder": str(folder),
        "environment": dict(environment),
    }
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    nothing = os.open(os.devnull, os.O_RDWR)
    streams = [
        nothing if stdin == subprocess.DEVNULL else stdin,
        nothing if stdout == subprocess.DEVNULL else stdout,
        writing,
    ]
    socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], streams)
    os.close(writing)
    os.close(nothing)
    return Forked(connection, os.fdopen(reading, encoding="utf-8"))


def run(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    told: str | None,
    timeout: float,
) -> subprocess.CompletedProcess[str]:
    """Run `webhookd` with *arguments* to its end; *told* is its standard input."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as said:
        given.write(told or "")
        given.seek(0)
        process = start(
            arguments,
            folder=folder,
            environment=environment,
            stdin=given.fileno() if told is not None else subprocess.DEVNULL,
            stdout=said.fileno(),
        )
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        try:
            assert process.stderr is not None
            with process.stderr as stream:
                errors = stream.read()
            status = process.wait(timeout)
        finally:
            killer.cancel()
        said.seek(0)
        return subprocess.CompletedProcess(["webhookd", *arguments], status, said.read(), errors)


def _import_everything() -> None:
    package = importlib.import_module("webhookd")
    for module in pkgutil.walk_packages(package.__path__, "webhookd."):
        if module.name != "webhookd.__main__" and ".migrations." not in module.name:
            importlib.import_module(module.name)


def _serve(listening: socket.socket, alive: socket.socket) -> None:
    """Fork a process for each request until the test run is over."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is shared stays shared: a collection would touch every object in each process.
    gc.collect()
    gc.freeze()
    while alive not in select.select([listening, alive], [], [])[0]:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            alive.close()
            _attend(connection)
        connection.close()


def _attend(connection: socket.socket) -> NoReturn:
    """Start what is asked for, and tell its number and, later, its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    text, descriptors, _, _ = socket.recv_fds(connection, _LONGEST, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(_LONGEST)
    process = os.fork()
    if process == 0:
        connection.close()
        _become(json.loads(text), descriptors)
        sys.exit()
    for descriptor in descriptors:
        os.close(descriptor)
    connection.sendall(b"%*d" % (_NUMBER, process))
    _, status = os.waitpid(process, 0)
    with suppress(BrokenPipeError):
        connection.sendall(b"%*d" % (_NUMBER, status))
    os._exit(0)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Run webhookd as `python -m webhookd` does; its SystemExit ends this process likewise."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["webhookd", *request["arguments"]]
    runpy.run_module("webhookd", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _import_everything()
    _serve(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2])))
