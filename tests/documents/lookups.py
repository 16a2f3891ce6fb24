"""Pages that are looked up: their commands are run in one folder, beside a daemon with records.

What a page shows of a command's output is what it prints there, but for `NOT_COMPARED`; where a
page shows nothing, nothing is said. A command that runs on shows how it begins.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.daemon import PATIENCE
from tests.documents import commands, pages, readers, sessions
from tests.documents.sessions import Saved, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.documents.readers import Ran, Reader

PLAYGROUND = (pages.ROOT / "tests" / "data" / "playground.md").read_text()
LOOKED_UP = ("console", "desk", "incidents", "running", "sources", "timed-triggers")
ELSEWHERE = {
    "sources accept": "test_snapshots",
    "sources try": "test_rest_source",
    "sources properties crm": "test_online_check, of a fake HubSpot",
    "completion": "it writes into folders that only people with that shell have",
}
"""What is run by other tests, with what it needs."""
NOT_COMPARED = {
    "check --online": "it shows faults of receivers and of an API: test_online_check",
    "plan --config config.yaml --replay": "it shows a change of the file: test_replay",
}
"""What is run, but beside another daemon than the page shows."""
PARTLY = {
    "install": ("check", "db status", "status", "deliveries list"),
    "scaling": ("db status",),
}
"""Pages most of whose commands need root; these do not, and are run here."""
HERE = {
    "/etc/webhookd/config.yaml": "config.yaml",
    "/var/lib/webhookd-erp": ".webhookd",
    "/var/lib/webhookd": ".webhookd",
    "/run/webhookd-erp/": ".webhookd/",
}
RUNS_ON = re.compile(r"webhookd (listen|run|console)\b|--(follow|watch)\b")
_PORTS = {
    re.compile(r"(?<=listening on http://127\.0\.0\.1:)\d+"): "8000",
    re.compile(r"(?<=:)\d{4,5}(?=/enter\?t=)"): "8377",
}
"""Free ports that were taken, and those that the page has."""


def asked(page: str) -> Iterator[Step]:
    """Yield what *page* calls webhookd with, without what its output is piped to."""
    for step in sessions.steps(page):
        if isinstance(step, Step) and step.command.startswith("webhookd "):
            line, pipe, _ = step.command.partition(" | ")
            if not any(line.startswith(f"webhookd {one}") for one in ELSEWHERE):
                is_shown = not pipe and not _is_another(line)
                yield replace(step, command=line, shown=step.shown if is_shown else ())


def asked_partly(name: str) -> Iterator[Step]:
    """Yield the commands of the page `docs/NAME.md` that can be run here; nothing is compared."""
    for told in commands.typed(pages.text(name)):
        words = " ".join(told.words)
        if words.startswith(PARTLY[name]):
            yield Step(0, "", f"webhookd {words}", True, ())


def run(reader: Reader, step: Step) -> Ran:
    """Run the command of *step* in the playground."""
    runs_on = bool(RUNS_ON.search(step.command))
    return reader.run(_as_here(step.command), step.shown, runs_on=runs_on, told=_with_ports)


@contextmanager
def playground(patience: float = PATIENCE) -> Iterator[Reader]:
    """Give a reader in a folder with a daemon that has taken records, and two receivers."""
    with readers.reader(patience) as reader:
        for step in sessions.steps(PLAYGROUND):
            if isinstance(step, Saved):
                reader.save(step)
                continue
            done = reader.do(step)
            assert done.is_shown, f"{step.command}\n{done.printed}"
        # What docs/desk.md names as a secret that people have.
        assert reader.run("export MY_SECRET=of-a-webhook").status == 0
        yield reader


def _is_another(line: str) -> bool:
    return any(line.startswith(f"webhookd {one}") for one in NOT_COMPARED)


def _as_here(line: str) -> str:
    """Return *line* with the paths of this folder, and with a port that is free."""
    for there, here in HERE.items():
        line = line.replace(there, here)
    line, _, _ = line.partition("  #")
    if re.match(r"webhookd (listen|console)", line):
        line += " --port 0" if "listen" in line else " --listen 127.0.0.1:0"
    if line.startswith("webhookd run "):
        line = line.replace(".webhookd", "another-state") + " --admin-address 127.0.0.1:0"
    return line


def _with_ports(printed: str) -> str:
    for form, port in _PORTS.items():
        printed = form.sub(port, printed)
    return printed
