"""One-time links into the console: made by it, and by `webhookd console --link` beside it.

A running console keeps a key in a file that only its user can read, and forgets it when it ends. A
token is a random number, the time at which it ends, and an HMAC of both under the key: whoever can
read the file can make one, and the console takes each once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from typing import Final

LIFETIME_SECONDS = 600
KEY_BYTES = 32
_NONCE_BYTES: Final = 32
_END: Final = struct.Struct(">Q")
_LENGTH: Final = _NONCE_BYTES + _END.size + hashlib.sha256().digest_size


def new_key() -> bytes:
    """Return a key for a console that starts."""
    return secrets.token_bytes(KEY_BYTES)


def token(key: bytes, now: float) -> str:
    """Return what a link carries; it holds for ten minutes from *now*, in seconds of the epoch."""
    said = secrets.token_bytes(_NONCE_BYTES) + _END.pack(int(now) + LIFETIME_SECONDS)
    return base64.urlsafe_b64encode(said + _mac(key, said)).decode("ascii").rstrip("=")


class Invitations:
    """Takes each token once."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._taken: dict[bytes, int] = {}

    def take(self, text: str, now: float) -> bool:
        """Return whether *text* is a token that holds and was not taken before; take it."""
        try:
            given = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return False
        if len(given) != _LENGTH:
            return False
        said, mac = given[: -hashlib.sha256().digest_size], given[-hashlib.sha256().digest_size :]
        if not hmac.compare_digest(mac, _mac(self._key, said)):
            return False
        (end,) = _END.unpack(said[_NONCE_BYTES:])
        self._taken = {known: until for known, until in self._taken.items() if until >= now}
        if end < now or end > now + 2 * LIFETIME_SECONDS or said in self._taken:
            return False
        self._taken[said] = end
        return True


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")
