"""A wire in a process of its own, which a signal can stop: as where a network lets nothing through.

`python -m tests.wire_process PORT` prints the port that it forwards to PORT.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Self

from tests.wire import Wire


class WireProcess:
    """A wire to *port*. A context manager; while it is stopped, nobody hears anything of anybody.

    Its kernel goes on acknowledging what is sent: only somebody's patience shows that it is dead.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.wire_process", str(self._to)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self) -> None:
        """Let nothing through, and nobody know."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let everything through, what was held too."""
        self._process.send_signal(signal.SIGCONT)


def main(port: str) -> None:
    """Forward until standard input ends."""
    with Wire(int(port)) as wire:
        sys.stdout.write(f"{wire.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
