"""What the console keeps between its runs, and while it runs: two small files of its user.

The label is a part of its address, so that the address survives a restart; the key lets
`webhookd console --link` make another link. They stand in the user's state directory
(`$XDG_STATE_HOME/webhookd`, by default `~/.local/state/webhookd`).
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.console.access.invitations import KEY_BYTES
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LABEL = re.compile(r"w[0-9a-z]{8,32}")


class NoConsoleError(WebhookdError):
    """No console of this user runs at the port."""


def folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of both files."""
    told = environment.get("XDG_STATE_HOME", "")
    if told.startswith("/"):
        return Path(told) / "webhookd"
    home = environment.get("HOME") or "/nonexistent"
    return Path(home) / ".local" / "state" / "webhookd"


def label(place: Path) -> str:
    """Return the label of the console's address, kept in *place* where that can be written."""
    path = place / "console-label"
    with suppress(OSError, UnicodeDecodeError):
        known = path.read_text("ascii").strip()
        if _LABEL.fullmatch(known):
            return known
    made = f"w{secrets.token_hex(5)}"
    with suppress(OSError):
        _write(path, made.encode("ascii"))
    return made


@contextmanager
def kept_key(place: Path, port: int, key: bytes) -> Iterator[bool]:
    """Keep *key* in *place* while the block runs; give whether it could be written."""
    path = _key_path(place, port)
    try:
        _write(path, key)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            # Another console may have taken the port, and the name, meanwhile.
            if path.read_bytes() == key:
                path.unlink()


def key_of(place: Path, port: int) -> bytes:
    """Return the key of the console that runs at *port*; NoConsoleError when there is none."""
    try:
        key = _key_path(place, port).read_bytes()
    except OSError as error:
        raise NoConsoleError(
            f"no console of this user runs at port {port} ({error.strerror}:"
            f" {_key_path(place, port)}); start one: webhookd console"
        ) from None
    if len(key) != KEY_BYTES:
        raise NoConsoleError(f"{_key_path(place, port)} holds no key; start the console again")
    return key


def _key_path(place: Path, port: int) -> Path:
    return place / f"console-{port}.key"


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
