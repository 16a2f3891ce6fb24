"""Which stage of the daemon's work takes the CPU: a clock for each thread, handed on and back.

Time is that which the thread itself spent (`time.thread_time_ns`), not that which it waited for
another one, and it is exclusive: what an inner stage takes is not the outer one's.
"""

from __future__ import annotations

import functools
import gc
import inspect
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

REST = "the rest"


class _Clock(threading.local):
    """The stages a thread is in, innermost last, and what each took."""

    def __init__(self) -> None:
        self.stack = [REST]
        self.took: Counter[str] = Counter()
        self.entered: Counter[str] = Counter()
        self.since = time.thread_time_ns()
        _clocks[threading.current_thread()] = self.took, self.entered

    def enter(self, stage: str) -> None:
        """Begin with *stage*."""
        now = time.thread_time_ns()
        self.took[self.stack[-1]] += now - self.since
        self.stack.append(stage)
        self.entered[stage] += 1
        self.since = now

    def leave(self) -> None:
        """Go back to the stage around it."""
        now = time.thread_time_ns()
        self.took[self.stack.pop()] += now - self.since
        self.since = now


_clocks: dict[threading.Thread, tuple[Counter[str], Counter[str]]] = {}
clock = _Clock()


def watch(owner: Any, name: str, stage: str) -> None:
    """Count what the function or method *name* of *owner* takes as *stage*."""
    function = getattr(owner, name)
    timed = _coroutine(function, stage) if inspect.iscoroutinefunction(function) else None
    setattr(owner, name, timed or _function(function, stage))


def watch_garbage_collection() -> None:
    """Count what collecting garbage takes, wherever it falls."""

    def collect(phase: str, _: object) -> None:
        if phase == "start":
            clock.enter("garbage collection")
        else:
            clock.leave()

    gc.callbacks.append(collect)


def snapshot() -> dict[str, dict[str, list[int]]]:
    """Return by thread and stage the nanoseconds it took so far, and how often it was entered."""
    clock.enter(REST)
    clock.leave()
    found: dict[str, dict[str, list[int]]] = {}
    for thread, (took, entered) in list(_clocks.items()):
        name = thread.name.partition("_")[0]
        stages = found.setdefault(name, {})
        for stage, nanoseconds in list(took.items()):
            before = stages.get(stage, [0, 0])
            stages[stage] = [before[0] + nanoseconds, before[1] + entered[stage]]
    return found


def _function(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*arguments: Any, **named: Any) -> Any:
        clock.enter(stage)
        try:
            return function(*arguments, **named)
        finally:
            clock.leave()

    return timed


def _coroutine(function: Callable[..., Coroutine[Any, Any, Any]], stage: str) -> Callable[..., Any]:
    @functools.wraps(function)
    async def timed(*arguments: Any, **named: Any) -> Any:
        return await _Steps(function(*arguments, **named), stage)

    return timed


class _Steps:
    """A coroutine, each step of which counts as *stage*: what it waits for does not."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], stage: str) -> None:
        self._coroutine = coroutine
        self._stage = stage

    def __await__(self) -> Generator[Any, Any, Any]:
        sent, thrown = None, None
        while True:
            clock.enter(self._stage)
            try:
                if thrown is None:
                    awaited = self._coroutine.send(sent)
                else:
                    awaited = self._coroutine.throw(thrown)
            except StopIteration as end:
                return end.value
            finally:
                clock.leave()
            sent, thrown = None, None
            try:
                sent = yield awaited
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's to see
                thrown = error
