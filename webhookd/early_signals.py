"""Signals that come before the daemon can act on them: noted from the first moment on.

Importing all that the daemon needs takes a second or two, and by default SIGHUP would end the
process meanwhile, which systemd counts as a success. `note` is called before anything of weight is
imported, on the main thread, as Python requires; `process.signals` takes over from it.
"""

import os
import signal

_noted: set[int] = set()
NOTED = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


def note() -> None:
    """Note SIGHUP, SIGTERM and SIGINT from now on, instead of ending the process.

    A second SIGTERM or SIGINT ends it at once: nothing has been begun yet.
    """
    for number in NOTED:
        signal.signal(number, _note)
    # A process that began anew (`utf8_mode`) has them blocked, so that none was lost.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, NOTED)


def noted() -> frozenset[int]:
    """Return the signals that came so far."""
    return frozenset(_noted)


def take() -> frozenset[int]:
    """Return the signals that came, once: call it when other handlers are in place."""
    taken = frozenset(_noted)
    _noted.clear()
    return taken


def _note(number: int, _frame: object) -> None:
    if number in _noted and number != signal.SIGHUP:
        os._exit(128 + number)
    _noted.add(number)
