"""Processes of webhookd that start with everything imported: real processes, forked.

Half of a test run's CPU time went into interpreters that imported the same modules again. Here a
server (one for each process of the test run, this module as a program) imports them once and forks
a process for each command or daemon; the process gets its arguments, environment, folder and
standard streams, runs `python -m webhookd`'s module as its main module, and is signalled, killed
and waited for like any other. What a test says about the start itself (signals during imports,
locales, the installed script) starts an interpreter of its own instead. Another module of the tests
may take that main module's place, and so may code, as with `python -c`.

Between the two sides stands a Unix socket: a request is one JSON text with three descriptors; the
answers are the process's number and, at its end, its status as `waitpid` gives it.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0
_LONGEST = 1 << 20
"""Bytes of the longest request: a whole environment and its arguments."""
_NUMBER = 12
"""Bytes of each answer: a process's number, or its status."""


class Forked:
    """A running process: the part of `subprocess.Popen` that tests use."""

    def __init__(
        self, connection: socket.socket, stderr: IO[str] | None, stdout: IO[str] | None = None
    ) -> None:
        self._connection = connection
        self.pid = self._read()
        self.returncode: int | None = None
        self.stderr = stderr
        self.stdout = stdout

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

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait at most *timeout* seconds for the end; return what it said that was not read yet."""
        assert self.stdout is not None
        assert self.stderr is not None
        if self.stdout.closed:
            # It was asked before.
            return "", ""
        with ThreadPoolExecutor(2) as pool, self.stdout, self.stderr:
            said = [pool.submit(stream.read) for stream in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            output, errors = (one.result(PATIENCE) for one in said)
        return output, errors

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
                cwd=ROOT,
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
    module: str = "webhookd",
    code: str | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Forked:
    """Start *module* with *arguments* in *folder*; its standard error can be read as text.

    With *code* that is run instead. *stdin* and *stdout* are descriptors, which stay the caller's.
    """
    with _lock:
        address = _server().address
    reading, writing = os.pipe()
    request = {
        "arguments": list(arguments),
        "folder": str(folder),
        "environment": dict(environment),
        "module": module,
        "code": code,
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


def begin(arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Forked:
    """Start `webhookd` with *arguments*; what it says can be read as it says it."""
    reading, writing = os.pipe()
    try:
        process = start(
            arguments,
            folder=folder,
            environment={**environment, "PYTHONUNBUFFERED": "1"},
            stdout=writing,
        )
    finally:
        os.close(writing)
    process.stdout = os.fdopen(reading, encoding="utf-8")
    return process


def run(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout: float,
    module: str = "webhookd",
    code: str | None = None,
    told: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run *module*, or *code*, with *arguments* to its end; *told* is its standard input."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as said:
        given.write(told or "")
        given.seek(0)
        process = start(
            arguments,
            folder=folder,
            environment=environment,
            module=module,
            code=code,
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


def run_code(
    code: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run *code* as `python -c` does, to its end, with *environment* alone (as it is without)."""
    environment = os.environ if environment is None else environment
    return run(arguments, folder=ROOT, environment=environment, timeout=PATIENCE, code=code)


def _import_everything() -> None:
    package = importlib.import_module("webhookd")
    for module in pkgutil.walk_packages(package.__path__, "webhookd."):
        if module.name != "webhookd.__main__" and ".migrations." not in module.name:
            importlib.import_module(module.name)


class _Processes:
    """What the server has running: asked for at *listening*, until *alive* says that it is over."""

    def __init__(self, listening: socket.socket, alive: socket.socket) -> None:
        self._listening = listening
        self._alive = alive
        self._running: dict[int, tuple[int, socket.socket]] = {}
        """The number and who waits for its end, by a descriptor that can be waited for."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._selector.register(alive, selectors.EVENT_READ)

    def serve(self) -> None:
        """Fork a process for each request until the test run is over."""
        while True:
            ready = [key.fd for key, _ in self._selector.select()]
            if self._alive.fileno() in ready:
                return
            for descriptor in ready:
                if descriptor == self._listening.fileno():
                    self._accept()
                else:
                    self._tell(descriptor)

    def _accept(self) -> None:
        """Start what is asked for, and tell its number."""
        connection, _ = self._listening.accept()
        text, descriptors, _, _ = socket.recv_fds(connection, _LONGEST, 3)
        while more := text and not text.endswith(b"\n") and connection.recv(_LONGEST):
            text += more
        if not text.endswith(b"\n"):
            connection.close()
            return
        number = os.fork()
        if number == 0:
            connection.close()
            self._forget()
            _become(json.loads(text), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        ended = os.pidfd_open(number)
        self._running[ended] = number, connection
        self._selector.register(ended, selectors.EVENT_READ)
        with suppress(BrokenPipeError):
            connection.sendall(b"%*d" % (_NUMBER, number))

    def _tell(self, ended: int) -> None:
        """Tell the status of a process that is over."""
        number, connection = self._running.pop(ended)
        self._selector.unregister(ended)
        os.close(ended)
        _, status = os.waitpid(number, 0)
        with connection, suppress(BrokenPipeError):
            connection.sendall(b"%*d" % (_NUMBER, status))

    def _forget(self) -> None:
        """Close, in a new process, all that is the server's."""
        self._selector.close()
        self._listening.close()
        self._alive.close()
        for ended, (_, connection) in self._running.items():
            os.close(ended)
            connection.close()


def _become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Run webhookd as `python -m webhookd` does; its SystemExit ends this process likewise."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    os.environ.clear()
    os.environ.update(request["environment"])
    if os.environ.get("PYTHONUNBUFFERED"):
        raw = os.fdopen(1, "wb", buffering=0)
        sys.stdout = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    else:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    os.chdir(request["folder"])
    try:
        if request["code"] is not None:
            sys.argv = ["-c", *request["arguments"]]
            exec(request["code"], {"__name__": "__main__"})  # noqa: S102 - as `-c` does
        else:
            sys.argv = [request["module"], *request["arguments"]]
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        if ending.code is not None and not isinstance(ending.code, int):
            raise
        status = ending.code or 0
    else:
        status = 0
    _end(status)


def _end(status: int) -> NoReturn:
    """End as an interpreter does, but leave the modules to the kernel.

    Taking them apart would copy all that is shared with the server: three quarters of the CPU
    time of a command. What nothing refers to any more may still complain.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(status)
    os._exit(status)


if __name__ == "__main__":
    _import_everything()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is shared stays shared: a collection would touch every object in each process.
    gc.collect()
    gc.freeze()
    _Processes(
        socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))
    ).serve()
