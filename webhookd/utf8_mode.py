"""Text is UTF-8, whatever the locale says: file names, the environment, what is printed.

Under `LC_ALL=C` with `PYTHONUTF8=0`, or in a locale of another encoding, Python cannot encode the
names that UTF-8 files have. Its UTF-8 mode knows no locale, and begins with the interpreter only.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

_UTF8 = "utf-8"


def ensure(blocked: Iterable[int] = (), noted: Callable[[], Iterable[int]] = tuple) -> None:
    """Begin the process anew in UTF-8 mode unless its text is UTF-8 already.

    The process stays the same one. Signals that are *blocked* meanwhile, and those *noted* before,
    wait for what begins: it must unblock them. Not where the interpreter's command line is unknown,
    as where Python is embedded.
    """
    words = sys.argv[1:]
    own = sys.orig_argv[1:]
    is_known = bool(sys.executable) and (not words or own[-len(words) :] == words)
    if sys.getfilesystemencoding() == _UTF8 or sys.flags.utf8_mode or not is_known:
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    for number in noted():
        os.kill(os.getpid(), number)
    try:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *own])  # noqa: S606 - itself
    except OSError:
        # As before, then: names beyond the locale's are trouble, all else works.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)


def takes_all(stream: TextIO) -> bool:
    """Return whether *stream* writes every character as it is; JSON is escaped for others."""
    return (getattr(stream, "encoding", None) or _UTF8).lower() in {_UTF8, "utf8"}


def print_anything() -> None:
    """Let no character that a stream cannot encode end a command: it is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict":
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # has errors
