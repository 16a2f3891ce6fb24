"""What goes on until Ctrl-C: a screen that is drawn anew, and deliveries as they come."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from webhookd import clock
from webhookd.cli import delivery_text
from webhookd.cli.output import is_terminal, print_json
from webhookd.client.client_errors import NoDaemonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Newest: TypeAlias = Callable[[int], Iterable[dict[str, Any]]]

SECONDS = 1.0
SHORTEST_SECONDS = 0.2
"""So often at most is a daemon asked how everything stands."""
LOOKED_AT = 1000
"""Deliveries among which changes are seen, the newest."""

_REMEMBERED = 10 * LOOKED_AT
_CLEARED = "\x1b[H\x1b[2J\x1b[3J"


def repeated(show: Callable[[], None], *, seconds: float, clears: bool) -> None:
    """Call *show* until SIGINT or SIGTERM, with *seconds* between; on a terminal, in one place."""
    stop = _stop()
    while not stop.is_set():
        if clears and is_terminal():
            sys.stdout.write(_CLEARED)
        try:
            show()
        except NoDaemonError as error:
            print(error, file=sys.stderr)  # noqa: T201 - it may come again
        sys.stdout.flush()
        stop.wait(seconds)


class Followed:
    """Prints each delivery that is new, or not what it was, the oldest first."""

    def __init__(self, newest: Newest, shown_first: int, *, as_json: bool) -> None:
        self._newest = newest
        self._first: int | None = shown_first
        self._as_json = as_json
        self._seen: dict[str, tuple[Any, ...]] = {}

    def show(self) -> None:
        """Look once, and print what is new."""
        most = LOOKED_AT if self._first is None else max(self._first, LOOKED_AT)
        fresh = [one for one in self._newest(most) if self._seen.get(one["id"]) != _standing(one)]
        for one in reversed(fresh):
            # At the end of the memory, as what was seen last.
            self._seen.pop(one["id"], None)
            self._seen[one["id"]] = _standing(one)
        for id_ in list(self._seen)[:-_REMEMBERED]:
            del self._seen[id_]
        if self._first is not None:
            fresh, self._first = fresh[: self._first], None
        for one in reversed(fresh):
            if self._as_json:
                print_json(one)
            else:
                delivery_text.print_followed(one, clock.now())


def follow(newest: Newest, shown_first: int, *, as_json: bool) -> None:
    """Print deliveries as they come and change; *newest* gives at most so many, newest first."""
    followed = Followed(newest, shown_first, as_json=as_json)
    repeated(followed.show, seconds=SECONDS, clears=False)


def _standing(delivery: dict[str, Any]) -> tuple[Any, ...]:
    return delivery["state"], delivery["attempts"], delivery["last_error"]


def _stop() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
