"""Who has come in: a session for each browser that entered by a one-time link.

Sessions are in memory and die with the process. A browser holds a random text in a cookie; only its
hash is kept here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

IDLE_SECONDS: Final = 12 * 3600
LONGEST_SECONDS: Final = 7 * 86_400
MOST_SESSIONS: Final = 100


@dataclass(slots=True)
class Session:
    """A browser that came in; *form_token* must be in each form it sends."""

    form_token: str
    begun_at: float
    seen_at: float
    notice: str = ""
    """What was done, to be told on the next page."""

    def knows(self, form_token: str) -> bool:
        """Return whether a form came from one of this session's pages."""
        given = form_token.encode(errors="surrogatepass")
        return hmac.compare_digest(given, self.form_token.encode())

    def tell(self, notice: str) -> None:
        """Have the next page say what was done."""
        self.notice = notice

    def take_notice(self) -> str:
        """Return what the next page says, once."""
        notice, self.notice = self.notice, ""
        return notice


class Sessions:
    """The sessions by the hash of their cookie. Times are seconds of a clock that never jumps."""

    def __init__(self, port: int) -> None:
        self.cookie_name = f"webhookd-{port}"
        self._sessions: dict[bytes, Session] = {}

    def begin(self, now: float) -> str:
        """Begin a session and return the value of its cookie."""
        if len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda one: self._sessions[one].seen_at)]
        value = secrets.token_urlsafe(32)
        self._sessions[_hash(value)] = Session(secrets.token_urlsafe(32), now, now)
        return value

    def find(self, cookies: Iterable[bytes], now: float) -> Session | None:
        """Return the session of a request with these Cookie headers; None without one."""
        for value in self._values(cookies):
            session = self._sessions.get(_hash(value))
            if session is None:
                continue
            if now - session.seen_at > IDLE_SECONDS or now - session.begun_at > LONGEST_SECONDS:
                del self._sessions[_hash(value)]
                continue
            session.seen_at = now
            return session
        return None

    def end(self, session: Session) -> None:
        """Forget a session."""
        self._sessions = {key: one for key, one in self._sessions.items() if one is not session}

    def _values(self, cookies: Iterable[bytes]) -> Iterable[str]:
        """Yield the cookie's values: another port of this host may have set one as well."""
        for header in cookies:
            for pair in header.decode("latin-1").split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self.cookie_name:
                    yield value


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode(errors="surrogatepass")).digest()
