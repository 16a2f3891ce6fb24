"""A host with systemd on which webhookd is installed for as long as a check lasts.

Standard library only: it runs with whatever Python the host has.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

UNITS = Path(__file__).parents[3] / "systemd"
LIBRARY = Path("/usr/local/lib")
UNIT_FILES = LIBRARY / "systemd/system"
OURS = [
    *(Path("/etc/webhookd"), Path("/var/lib/webhookd"), Path("/var/spool/webhookd")),
    *(Path("/etc/webhookd-two"), Path("/var/lib/webhookd-two"), Path("/var/spool/webhookd-two")),
]
DROPIN = Path("/run/systemd/system/webhookd.service.d")
CONFIG = Path("/etc/webhookd/config.yaml")
SECRET = Path("/etc/webhookd/secret")
SPOOL = Path("/var/spool/webhookd/crm")
PRODUCER = "webhookd-check"
PATIENCE = 90.0


class FailedError(Exception):
    """A check that did not hold."""


def until(condition: Any, what: str, seconds: float = PATIENCE) -> Any:
    """Wait until *condition* gives something true and return that; say *what* failed."""
    end = time.monotonic() + seconds
    while not (met := condition()):
        if time.monotonic() > end:
            raise FailedError(f"{what}: not within {seconds:g} s")
        threading.Event().wait(0.05)
    return met


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command and return what came of it."""
    return subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, **options
    )


def well(*command: str, **options: Any) -> str:
    """Run a command that must succeed and return what it printed."""
    done = run(*command, **options)
    if done.returncode != 0:
        told = f"{done.stdout}{done.stderr}".strip()
        raise FailedError(f"{' '.join(command)}: exit {done.returncode}: {told}")
    return done.stdout


def shown(name: str, unit: str = "webhookd.service") -> str:
    """Return a property of a unit."""
    return well("systemctl", "show", "--value", "-p", name, unit).strip()


def journal(*options: str, unit: str = "webhookd.service") -> str:
    """Return what the journal has of this run of the check."""
    well("journalctl", "--sync")
    return well("journalctl", "-o", "cat", "--no-pager", "-u", unit, *options)


@dataclass(frozen=True)
class Request:
    """What a receiver got."""

    id: str
    path: str
    signature: str
    authorization: str
    body: bytes

    def is_signed_with(self, secret: str, url: str) -> bool:
        """Return whether the signature is HubSpot's second, made with *secret*."""
        signed = secret.encode() + b"POST" + url.encode() + self.body
        return hashlib.sha256(signed).hexdigest() == self.signature


class Receiver:
    """A receiver on loopback. *status* is what it answers, *delay* how long it takes to."""

    def __init__(self) -> None:
        self.received: list[Request] = []
        self.status = 200
        self.delay = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        headers = handler.headers
        request = Request(
            headers["webhook-id"],
            handler.path,
            headers.get("x-hubspot-signature", ""),
            headers.get("authorization", ""),
            handler.rfile.read(int(headers.get("content-length", "0"))),
        )
        self.received.append(request)
        threading.Event().wait(self.delay)
        handler.send_response(self.status)
        handler.send_header("content-length", "0")
        handler.end_headers()

    def wait_for(self, count: int, what: str) -> Request:
        """Wait for the *count*th request in all and return it."""
        return until(lambda: self.received[count - 1 :], what)[0]


def configuration(url: str, **more: Any) -> str:
    """Return a configuration with one webhook; JSON, which YAML takes."""
    mirror = {
        "source": "crm",
        "object": "contacts",
        "request": {
            "url": f"{url}/hook",
            "allow_http": True,
            "signature": {"app_id": "1234567"},
            "authentication": {"type": "bearer", "token": {"credential": "erp-key"}},
        },
        "delivery": {"retry": {"first_after": "1s", "at_most_every": "2s"}},
    }
    whole = {
        "version": 1,
        "egress": {"allow": ["127.0.0.0/8"]},
        "apps": {"1234567": {"client_secret": {"file": str(SECRET)}}},
        "sources": {"crm": {"type": "drop_directory", "path": str(SPOOL), "object": "contacts"}},
        "webhooks": {"mirror": mirror},
    }
    return json.dumps(whole | more, indent=1)


def write(path: Path, text: str, mode: int = 0o640) -> None:
    """Write a file that the daemon may read and nobody else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.chown(path, 0, pwd.getpwnam("webhookd").pw_gid)
    path.chmod(mode)


def drop(name: str, record_id: int) -> None:
    """Drop a record as a producer, with no more rights than its group has."""
    script = 'cat > "$0/tmp/$1" && mv "$0/tmp/$1" "$0/new/$1"'
    well(
        *("runuser", "-u", PRODUCER, "--", "sh", "-c", f"umask 027; {script}", str(SPOOL), name),
        input=json.dumps({"id": record_id, "email": f"{record_id}@example.com"}) + "\n",
    )


def refusals() -> list[str]:
    """Return why this host is not one to check on."""
    found = [
        f"{path} is there: this host has a webhookd of its own" for path in OURS if path.exists()
    ]
    if os.geteuid() != 0:
        found.append("not root")
    if not Path("/run/systemd/system").is_dir():
        found.append("systemd does not run here")
    if not os.access("/usr/bin/webhookd", os.X_OK):
        found.append("/usr/bin/webhookd is missing: install webhookd first (docs/install.md)")
    return found


def install(url: str) -> None:
    """Install webhookd as docs/install.md says, and a producer."""
    well("sh", str(UNITS / "install"))
    well("useradd", "--system", "--groups", "webhookd-producers", PRODUCER)
    write(SECRET, "first-secret\n")
    write(Path("/etc/webhookd/credentials/erp-key"), "a-key\n", 0o600)
    write(CONFIG, configuration(url))
    DROPIN.mkdir(parents=True)
    # A shorter watchdog than the unit's thirty seconds, so that the check need not wait for it.
    (DROPIN / "check.conf").write_text(
        "[Service]\nWatchdogSec=4\nLoadCredential=erp-key:/etc/webhookd/credentials/erp-key\n"
    )
    well("systemctl", "daemon-reload")


def remove() -> None:
    """Take everything away again."""
    run("systemctl", "stop", "webhookd-reload.path", "webhookd@two", "webhookd")
    run("systemctl", "reset-failed", "webhookd*")
    for path in (*OURS, DROPIN, *UNIT_FILES.glob("webhookd*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for kind in ("sysusers.d", "tmpfiles.d"):
        (LIBRARY / kind / "webhookd.conf").unlink(missing_ok=True)
    for user in (PRODUCER, "webhookd"):
        run("userdel", user)
    for group in ("webhookd-producers", "webhookd"):
        run("groupdel", group)
    run("systemctl", "daemon-reload")
