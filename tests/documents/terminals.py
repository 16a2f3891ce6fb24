"""Terminals in which the commands of a page are typed: shells on real pseudo-terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = 100
_ENDED = "\x1e"
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")


class Terminal:
    """A shell in *folder* whose output is read as it comes.

    A thread reads the terminal; whoever types asks for what it read by `shown`, which takes the
    lock for the moment of a copy.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        modes = termios.tcgetattr(slave)
        modes[1] &= ~termios.OPOST  # lines end as the command wrote them
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        self._shell = subprocess.Popen(
            ["/bin/bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**environment, "COLUMNS": str(COLUMNS)},
            text=True,
            start_new_session=True,
        )
        os.close(slave)
        self._lock = threading.Lock()
        self._read = b""
        self._typed = 0
        self._reading = threading.Thread(target=self._follow, daemon=True)
        self._reading.start()

    def type(self, command: str) -> None:
        """Run *command*, as a line that a person types; do not wait for its end."""
        self._typed += 1
        self._tell(f"{{ {command}\n}} </dev/null\n")
        self._tell(f"_status=$?; printf '{_ENDED}'; (exit $_status)\n")

    @property
    def is_idle(self) -> bool:
        """Return whether the latest command has ended."""
        with self._lock:
            return self._read.count(_ENDED.encode()) == self._typed

    @property
    def folder(self) -> Path:
        """Return where the shell is."""
        return Path(f"/proc/{self._shell.pid}/cwd").resolve()

    @property
    def shown(self) -> str:
        """Return all that was written until now, without colours."""
        with self._lock:
            text = self._read.decode(errors="replace")
        return _STYLE.sub("", text).replace(_ENDED, "")

    def interrupt(self) -> None:
        """Press Ctrl-C: the shell's children get SIGINT."""
        for process in _children(self._shell.pid):
            os.kill(process, signal.SIGINT)

    def close(self) -> None:
        """End the shell and everything that was started in it."""
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.stdin.close()
        for process in _children(self._shell.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        try:
            self._shell.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()
        self._reading.join(60)
        os.close(self._master)

    def _tell(self, text: str) -> None:
        self._shell.stdin.write(text)
        self._shell.stdin.flush()

    def _follow(self) -> None:
        # A terminal whose last writer has gone gives EIO, not an end.
        with suppress(OSError):
            while some := os.read(self._master, 65536):
                with self._lock:
                    self._read += some


def _children(process: int) -> list[int]:
    try:
        return [int(one) for one in _told(process).split()]
    except FileNotFoundError:
        return []


def _told(process: int) -> str:
    return Path(f"/proc/{process}/task/{process}/children").read_text()
