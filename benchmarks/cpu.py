"""What processes took of the processor, in seconds, as Linux counts it."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _CHILDREN_END = 11, 15
"""Where in `/proc/PID/stat`, behind the name: user, system, and both of children that ended."""


def seconds(pid: int) -> float:
    """Return what a process took, with all its children, those that ended too."""
    stat = Path(f"/proc/{pid}/stat")
    taken = stat.read_text().rpartition(")")[2].split()[_USER:_CHILDREN_END]
    return sum(map(int, taken)) / _TICKS + sum(map(_of_living, _children(pid)))


def _of_living(pid: int) -> float:
    try:
        return seconds(pid)
    except FileNotFoundError:
        # It ended between two looks: its parent has counted it, or will.
        return 0.0


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
