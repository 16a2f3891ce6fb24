"""Producers of files, each in a thread, all of one user: `python -m tests.crash.producer_process`.

Its standard input has a line for each: how it writes, where, what, and its pauses.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

HOURS: Final = 3600.0


def write(path: Path, pieces: list[bytes], pause: float, mode: str = "xb") -> None:
    """Write *pieces* with a pause before each and at the end, all in one opening."""
    with path.open(mode, buffering=0) as file:
        for piece in pieces:
            _rest(pause)
            file.write(piece)
        _rest(pause)


def produce(kind: str, root: Path, name: str, pieces: list[bytes], pause: float) -> None:
    """Bring *pieces* into `new/NAME` in the way that *kind* says."""
    new = root / "new"
    target = new / name
    match kind:
        case "rename":
            write(root / "tmp" / name, pieces, 0)
            (root / "tmp" / name).rename(target)
        case "direct" | "gzip":
            write(target, pieces, pause)
        case "append":
            for piece in pieces:
                write(target, [piece], 0, "ab")
                _rest(pause)
        case "part":
            write(new / f"{name}.part", pieces, pause)
            _rest(pause)
            (new / f"{name}.part").rename(target)
        case "rsync":
            write(new / f".{name}.X7fQ2a", pieces, pause)
            (new / f".{name}.X7fQ2a").rename(target)
        case "old":
            with target.open("xb", buffering=0) as file:
                for piece in pieces:
                    file.write(piece)
                    os.utime(file.fileno(), (time.time() - 9 * HOURS,) * 2)
                    _rest(pause)
            os.utime(target, (time.time() - 9 * HOURS,) * 2)
        case _:
            raise ValueError(kind)


def _rest(seconds: float) -> None:
    threading.Event().wait(seconds)


def main() -> None:
    """Do what the plan says, as the user that is named."""
    user = int(sys.argv[1])
    if user != os.getuid():
        os.setuid(user)
    plan: list[dict[str, Any]] = [json.loads(line) for line in sys.stdin]
    with ThreadPoolExecutor(len(plan) or 1) as threads:
        for one in plan:
            threads.submit(_begin, one)


def _begin(one: dict[str, Any]) -> None:
    _rest(one["after"])
    pieces = [bytes.fromhex(piece) for piece in one["pieces"]]
    try:
        produce(one["kind"], Path(one["root"]), one["name"], pieces, one["pause"])
    except OSError as error:
        sys.stdout.write(f"{one['name']}: {error}\n")


if __name__ == "__main__":
    main()
