"""Errors that nobody handles: each is reported, and none ends the daemon or a lane in silence.

A task whose error nobody reads dies without a word, for as long as somebody keeps the task. So each
task that should go on for ever, or whose end somebody relies on, is `watched`. What is left
comes to the event loop (callbacks, tasks that nobody keeps) or ends a thread: `report_all` reports
those.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from webhookd import telemetry
from webhookd.telemetry.events import BugFound

if TYPE_CHECKING:
    import asyncio

Result = TypeVar("Result")


def watched(task: asyncio.Task[Result], name: str) -> asyncio.Task[Result]:
    """Return *task*; an error that ends it is reported as `daemon.task_broke`, with *name*."""
    task.add_done_callback(lambda done: _ended(done, name))
    return task


def report_all(loop: asyncio.AbstractEventLoop) -> None:
    """Report what nobody handles, on *loop* and on the threads of the process."""
    loop.set_exception_handler(_on_the_loop)
    threading.excepthook = _on_a_thread


def _ended(task: asyncio.Task[Any], name: str) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _report(error, name)


def _on_the_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if not isinstance(error, Exception):
        # Of the loop itself: a resource that was not closed, a slow callback.
        loop.default_exception_handler(context)
        return
    task = context.get("task") or context.get("future")
    name = getattr(task, "get_name", lambda: "")() or context.get("message", "")
    _report(error, str(name))


def _on_a_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and not isinstance(found.exc_value, SystemExit):
        _report(found.exc_value, "" if found.thread is None else f"thread {found.thread.name}")


def _report(error: BaseException, name: str) -> None:
    telemetry.report(BugFound("daemon.task_broke", error, {"task": name}))
