"""The processes that are measured: the real daemon, and a receiver of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping

RECEIVER = Path(__file__).with_name("receiver_process.py")
LONGEST_SECONDS = 300.0
SECRET = {"BENCH_SECRET": "of-no-consequence"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came: when by the clock on the wall, its path, its delivery."""

    at: float
    path: str
    id: str


class ReceiverProcess:
    """A receiver on *port*; *arrivals* are there when it was stopped, if it notes them."""

    def __init__(self, *, is_noting: bool, chain: Path | None = None) -> None:
        arguments = [*(["note"] if is_noting else []), *([] if chain is None else [str(chain)])]
        self._scheme = "http" if chain is None else "https"
        self._process = subprocess.Popen(
            [sys.executable, RECEIVER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        self.port = int(self._process.stdout.readline())
        self.arrivals: list[Arrival] = []

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def url(self, path: str = "hook") -> str:
        """Return the URL of a *path*.

        Those that begin with `silent` are never answered, `after-50` is after 50 ms.
        """
        return f"{self._scheme}://127.0.0.1:{self.port}/{path}"

    def stop(self) -> None:
        """End it and read what it noted."""
        if self._process.poll() is None:
            said, _ = self._process.communicate()
            self.arrivals = [Arrival(*json.loads(line)) for line in said.splitlines()[1:]]


@contextmanager
def receiver(*, is_noting: bool = False, chain: Path | None = None) -> Iterator[ReceiverProcess]:
    """Run a receiver while the block runs: over TLS with the key and certificate in *chain*."""
    running = ReceiverProcess(is_noting=is_noting, chain=chain)
    try:
        yield running
    finally:
        running.stop()


class DaemonProcess:
    """The daemon in *folder*, with the drop directory `crm`, its log in the file `log`.

    It is the one of the checkout in *tree*, if that is not this one.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        module: str = "webhookd",
        tree: Path | None = None,
    ) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.database = folder / "state" / "webhookd.db"
        self._environment = {**os.environ, **SECRET, **(environment or {})}
        if tree is not None:
            self._environment["PYTHONPATH"] = str(tree)
        # `-m` looks into the folder that it is started in before all others.
        self._cwd = tree
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, webhooks: Mapping[str, Mapping[str, Any]]) -> None:
        """Write a configuration; each webhook is given by what is not the same for all."""
        self.config.write_text(
            yaml.safe_dump(
                {
                    "version": 1,
                    "egress": {"allow": ["127.0.0.0/8"]},
                    "apps": {"1": {"client_secret": {"env": "BENCH_SECRET"}}},
                    "sources": {
                        "export": {"type": "drop_directory", "path": "crm", "object": "contacts"},
                        "other": {"type": "drop_directory", "path": "erp", "object": "orders"},
                    },
                    "webhooks": {
                        name: {"source": "export", "object": "contacts", **webhook}
                        for name, webhook in webhooks.items()
                    },
                },
                sort_keys=False,
            )
        )

    def start(self, *arguments: str, is_awaited: bool = True) -> None:
        """Start it, and wait until it is ready."""
        log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", self._module, "run", "--log-format", "json"),
                *("--config", self.config, "--state-directory", self.folder / "state"),
                *arguments,
            ],
            stderr=log,
            env=self._environment,
            cwd=self._cwd,
        )
        log.close()
        if is_awaited:
            self.until_said("daemon.ready")

    def until_said(self, event: str, count: int = 1) -> None:
        """Wait until the log has an event so many times."""
        wanted, log = f'"{event}"'.encode(), self.folder / "log"
        until(lambda: log.read_bytes().count(wanted) >= count or self._has_ended(), event)

    def _has_ended(self) -> bool:
        if self._process is None or self._process.poll() is None:
            return False
        sys.exit((self.folder / "log").read_text()[-4000:])

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        assert self._process is not None  # noqa: S101 - it was started
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """Stop it in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    def resident_mib(self) -> float:
        """Return how much memory it has."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20

    def metrics(self) -> dict[str, float]:
        """Return its metrics, by name and labels as they are written."""
        transport = httpx.HTTPTransport(uds=str(self.folder / "state" / "admin.sock"))
        with httpx.Client(transport=transport) as client:
            lines = client.get("http://daemon/metrics").text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def drop(self, name: str, text: str) -> float:
        """Drop a file; return when that was, by a clock that never jumps."""
        written = self.folder / "crm" / "tmp" / name
        written.write_text(text)
        at = time.perf_counter()
        written.rename(self.folder / "crm" / "new" / name)
        return at


@contextmanager
def daemon(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    module: str = "webhookd",
    tree: Path | None = None,
) -> Iterator[DaemonProcess]:
    """Lend a daemon that is stopped when the block ends."""
    one = DaemonProcess(folder, environment, module, tree)
    try:
        yield one
    finally:
        one.stop()


def hook(url: str, *, concurrency: int = 64, **more: Any) -> dict[str, Any]:
    """Return a webhook that posts every change, signed, to *url*."""
    request: dict[str, Any] = {
        "url": url,
        "signature": {"app_id": "1", "scheme": "hubspot_v3"},
    } | more.pop("request", {})
    if url.startswith("http:"):
        request["allow_http"] = True
    delivery = {"concurrency": concurrency} | more.pop("delivery", {})
    return {"request": request, "delivery": delivery} | more


def at_rate(count: int, rate: float) -> Iterator[int]:
    """Yield so many numbers, *rate* a second, whatever is done between them."""
    started = time.perf_counter()
    for number in range(count):
        time.sleep(max(started + number / rate - time.perf_counter(), 0))
        yield number


def until(condition: Any, what: str, seconds: float = LONGEST_SECONDS, every: float = 0.02) -> None:
    """Wait for *condition*; give up with *what* after some *seconds*."""
    end = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > end:
            sys.exit(f"{what}: not within {seconds:g} s, something is wrong")
        # What is waited for is in another process, which says nothing by itself.
        time.sleep(every)
