"""A reader who follows a page: a home, terminals in it, and the ids that this run has."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.daemon import PATIENCE, until
from tests.documents.matching import Shown
from tests.documents.sessions import CTRL_C
from tests.documents.terminals import Terminal
from webhookd import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.documents.sessions import Saved, Step

HOME = "/home/ada"
_PORTS = ("8000", "3000")
"""Ports that the pages name; each run has others, of as many digits: 4000 to 7999."""
_ID, _ENDING = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{6,31}")
_PART = re.compile(r"(?<!\w)[0-9a-f]{6,32}(?!\w)")


@dataclass(frozen=True, slots=True)
class Done:
    """What a step *printed*, and the lines that the page would have for it now."""

    printed: str
    is_shown: bool
    renewed: list[str]


@dataclass(frozen=True, slots=True)
class Ran(Done):
    """What a command printed, and its exit code."""

    status: int


@dataclass(slots=True)
class Ids:
    """Which id of this run each id of the page is: always the same one."""

    _known: dict[str, str] = field(default_factory=dict)

    def learn(self, told: Mapping[str, str]) -> bool:
        """Note what *told* ids really are; return whether that agrees with what is known."""
        agrees = True
        for page, printed in told.items():
            if _ID.fullmatch(page):
                agrees &= self._known.setdefault(page, printed) == printed
            elif _ENDING.fullmatch(page):
                agrees &= self.real(page) in {page, printed}
                self._known[page] = printed
        return agrees

    def real(self, command: str) -> str:
        """Return *command* with the ids of this run, where it has parts of ids of the page."""
        return _PART.sub(lambda found: self._part(found[0]), command)

    def told(self, printed: str) -> str:
        """Return what was *printed* with the ids of the page, as far as it has them."""
        for told, real in self._known.items():
            printed = printed.replace(real, told)
        return printed

    def _part(self, part: str) -> str:
        for told, real in self._known.items():
            if told.endswith(part):
                return real[-len(part) :]
            if told.startswith(part):
                return real[: len(part)]
        return part


class Reader:
    """Who types the commands of a page and saves its files."""

    def __init__(self, home: Path, stack: ExitStack, patience: float) -> None:
        self.ids = Ids()
        self._home = home
        self._patience = patience
        self._stack = stack
        self._ports = {port: _free_port() for port in _PORTS}
        self._terminals: dict[str, Terminal] = {}
        self._seen: dict[str, int] = {}

    def save(self, saved: Saved) -> None:
        """Write a file where the first terminal is."""
        path = self._terminal("").folder / saved.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._with_ports(saved.content))

    def do(self, step: Step) -> Done:
        """Do *step*, and wait until it printed what is shown, or all that comes."""
        terminal = self._terminal(step.terminal)
        if step.command == CTRL_C:
            terminal.interrupt()
        elif step.command:
            terminal.type(self._with_ports(self.ids.real(step.command)))
        done = self._awaited(step, terminal)
        self._seen[step.terminal] += len(done.printed)
        self._correct_ports()
        return done

    def run(
        self,
        command: str,
        shown: tuple[str, ...] = (),
        *,
        runs_on: bool = False,
        told: Callable[[str], str] = str,
    ) -> Ran:
        """Type *command*; return what it printed, whether that is what is *shown*, and its status.

        One that *runs_on* is ended by Ctrl-C once it has printed what is shown, or something where
        nothing is. *told* makes of what was printed what the page would have.
        """
        terminal, wanted = self._terminal(""), Shown(shown)
        self._seen[""] = len(self._told(terminal.shown))
        terminal.type(f'{self._with_ports(self.ids.real(command))}; echo "status $?"')
        if runs_on:
            with suppress(AssertionError):
                until(lambda: terminal.is_idle or self._has_begun(wanted, told), command)
            terminal.interrupt()
        until(lambda: terminal.is_idle, command)
        printed, _, status = told(self._printed("")).rstrip().rpartition("status ")
        match = wanted.met(printed, whole=bool(shown) and not runs_on)
        if match is None:
            return Ran(printed, False, [one.rstrip() for one in printed.splitlines()], int(status))
        agrees = self.ids.learn(wanted.learned(match))
        renewed = [self.ids.told(line) for line in wanted.renewed(match)]
        return Ran(printed, agrees, renewed, int(status))

    def _has_begun(self, wanted: Shown, told: Callable[[str], str]) -> bool:
        printed = told(self._printed(""))
        return bool(printed and wanted.met(printed, whole=False))

    def _awaited(self, step: Step, terminal: Terminal) -> Done:
        shown = Shown(step.shown)
        changed, printed = clock.monotonic(), ""
        while True:
            is_idle, before = terminal.is_idle, printed
            printed = self._printed(step.terminal)
            match = shown.met(printed, whole=step.ends)
            if is_idle if step.ends else match:
                break
            changed = clock.monotonic() if printed != before else changed
            if clock.monotonic() > changed + self._patience:
                break
            threading.Event().wait(0.02)
        if match is None:
            return Done(printed, False, [line.rstrip() for line in printed.splitlines()])
        agrees = self.ids.learn(shown.learned(match))
        return Done(match.group(), agrees, shown.renewed(match))

    def _printed(self, name: str) -> str:
        return self._told(self._terminals[name].shown)[self._seen[name] :]

    def _told(self, text: str) -> str:
        """Return what was printed with the ports and the home of the page."""
        for told, real in self._ports.items():
            text = re.sub(rf"(?<!\d){real}(?!\d)", told, text)
        return text.replace(str(self._home), HOME)

    def _with_ports(self, text: str) -> str:
        for told, real in self._ports.items():
            text = re.sub(rf"(?<!\d){told}(?!\d)", real, text)
        return text

    def _correct_ports(self) -> None:
        """Have a configuration that a command wrote name the ports of this run."""
        for path in self._home.glob("*/webhookd.yaml"):
            text = path.read_text()
            new = re.sub(r":\d{4}/", lambda found: self._with_ports(found[0]), text)
            if new != text:
                path.write_text(new)

    def _terminal(self, name: str) -> Terminal:
        if name not in self._terminals:
            self._terminals[name] = terminal = Terminal(self._home, _environment(self._home))
            self._stack.callback(terminal.close)
            self._seen[name] = 0
        return self._terminals[name]


@contextmanager
def reader(patience: float = PATIENCE) -> Iterator[Reader]:
    """Give terminals, and end what runs in them; wait *patience* seconds for more output."""
    home = _new_home()
    try:
        with ExitStack() as stack:
            yield Reader(home, stack, patience)
    finally:
        shutil.rmtree(home)


def _new_home() -> Path:
    # As long as the home on the pages: what is shown in columns is as wide.
    while True:
        path = Path("/tmp") / os.urandom(2).hex()  # noqa: S108 - a name that nobody can foresee
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path


def _environment(home: Path) -> Mapping[str, str]:
    scripts = Path(sys.executable).parent
    return {
        "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "xterm",
        "NO_COLOR": "1",
        "WEBHOOKD_HOST": "laptop",
    }


def _free_port() -> str:
    while True:
        port = 4000 + int.from_bytes(os.urandom(2), "big") % 4000
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return str(port)
