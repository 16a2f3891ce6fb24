"""OAuth2 token servers (RFC 6749): what they are sent, what they mean, when to ask again.

Pure: an answer comes in as its status and bytes, and goes out as a `Grant` or as the reason why
there is none. No sentence here holds anything of an answer but the server's error and its
description.
"""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import quote_plus, urlencode

from webhookd.model import Secret, revealed
from webhookd.rules.retry_after import asked_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.definitions import OAuth2

LARGEST_ANSWER: Final = 64 << 10
"""Bytes of an answer; a longer one is none."""

LONGEST_TOKEN: Final = 8_192
"""Characters of a token: as many as a header of ours may have."""

LONGEST_PAUSE: Final = 60.0
"""Seconds between two requests of which the first failed, unless the server asks for more."""

_LONGEST_ASKED: Final = 86_400.0
"""Seconds: a server that asks for more is asked once a day."""

_USED: Final = 0.8
"""The part of a token's life after which it is renewed: a fifth is left."""

_SHOWN: Final = 200
"""Characters of a server's own words that are shown."""

_TOKEN = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_OK, _REDIRECTS = range(200, 300), range(300, 400)
_REMEDIES: Final = {
    "invalid_client": (
        "check 'client_id' and 'client_secret', and whether 'client_authentication' should be"
        " 'post' instead of 'basic', or the other way round"
    ),
    "invalid_scope": "check 'scope'",
    "invalid_grant": "the server takes 'refresh_token' no more: get another one",
    "invalid_target": "check the resource, or audience, in 'parameters'",
    "invalid_request": "check 'parameters' and 'client_authentication'",
    "unauthorized_client": "the server does not let this client use this 'grant'",
    "unsupported_grant_type": "the server does not know this 'grant'; check 'token_url'",
}
"""What to do about the error codes of RFC 6749 (5.2) and RFC 8707."""

Failure: TypeAlias = Literal["refused", "unusable", "unreachable", "limited"]
"""Why there is no token, a closed set: the server refused, it gave nothing that is one, it cannot
be reached, or no further request is allowed for a while."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A token. *lifetime* is in seconds; None where the server names none that is one."""

    token: Secret
    lifetime: float | None


@dataclass(frozen=True, slots=True)
class NoGrant:
    """Why an answer, or its absence, gives no token: *why* is a sentence without its beginning.

    *asked_wait* is how many seconds the server wants to be left alone; 0 if it does not say.
    """

    why: str
    failure: Failure
    asked_wait: float = 0.0


def form(settings: OAuth2) -> bytes:
    """Return the body of a token request (RFC 6749, 4.4.2 and 6)."""
    fields: list[tuple[str, str]] = [("grant_type", settings.grant)]
    if settings.client_authentication == "post":
        fields.append(("client_id", revealed(settings.client_id)))
        fields.append(("client_secret", settings.client_secret.reveal()))
    if settings.refresh_token is not None:
        fields.append(("refresh_token", settings.refresh_token.reveal()))
    if settings.scope is not None:
        fields.append(("scope", settings.scope))
    return urlencode([*fields, *settings.parameters]).encode("ascii")


def basic_pair(settings: OAuth2) -> str:
    """Return the client's id and secret as HTTP Basic has them: each form-encoded first (2.3.1).

    Servers that go by the letter refuse them otherwise; without special characters it is the same.
    """
    parts = (revealed(settings.client_id), settings.client_secret.reveal())
    return base64.b64encode(":".join(map(quote_plus, parts)).encode("ascii")).decode("ascii")


def meaning(
    status: int,
    content: bytes,
    *,
    is_cut: bool,
    retry_after: str | None,
    now: datetime,
    hide: Callable[[str], str],
    refresh_token: Secret | None = None,
) -> Grant | NoGrant:
    """Return what an answer of a token server means; *is_cut* says that *content* is not all.

    *hide* takes secrets out of the server's own words, before they are shortened: half a secret
    would not be found any more. *refresh_token* is the one that was sent, if any was.
    """
    told = None if is_cut else _object(content)
    if status not in _OK:
        return NoGrant(_refusal(status, told, hide), "refused", _asked(retry_after, now))
    if is_cut:
        return _unusable(status, f"more than {LARGEST_ANSWER >> 10} KiB, or less than it announced")
    if told is None:
        return _unusable(status, "what is no JSON object")
    if "access_token" not in told and "error" in told:
        # Some servers call each answer a success.
        return NoGrant(_refusal(status, told, hide), "refused", _asked(retry_after, now))
    given = told.get("refresh_token")
    if refresh_token is not None and isinstance(given, str) and given != refresh_token.reveal():
        return _unusable(
            status,
            "another refresh token, which webhookd keeps nowhere; have the server give refresh"
            " tokens that do not change, or use grant: client_credentials",
        )
    return _granted(status, told)


def renew_after(lifetime: float) -> float:
    """Return after how many seconds a token of that *lifetime* is renewed."""
    return lifetime * _USED


def pause(failures: int, asked_wait: float) -> float:
    """Return the seconds without requests after so many failures in a row: 1, doubling to 60."""
    return max(min(2.0 ** min(failures - 1, 10), LONGEST_PAUSE), asked_wait)


def _granted(status: int, told: dict[str, Any]) -> Grant | NoGrant:
    kind, token = told.get("token_type"), told.get("access_token")
    if kind is not None and (not isinstance(kind, str) or kind.lower() != "bearer"):
        return _unusable(status, "a token of another type than Bearer")
    if not isinstance(token, str) or not token:
        return _unusable(status, "no access_token")
    if len(token) > LONGEST_TOKEN or not _TOKEN.fullmatch(token):
        return _unusable(status, "an access_token that a header cannot carry")
    return Grant(Secret(token), _lifetime(told.get("expires_in")))


def _lifetime(written: object) -> float | None:
    """Return the seconds in `expires_in`; None for what is no length of time that lies ahead.

    Such a token is used until somebody refuses it: servers say 0, or nothing, of tokens that do not
    end, and some write the number as a text.
    """
    if isinstance(written, str):
        written = float(written) if _NUMBER.fullmatch(written) else None
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    try:
        seconds = float(written)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _unusable(status: int, what: str) -> NoGrant:
    return NoGrant(f"it answered {status} with {what}", "unusable")


def _refusal(status: int, told: dict[str, Any] | None, hide: Callable[[str], str]) -> str:
    why = f"it answered {status}"
    if status in _REDIRECTS:
        return f"{why}, which is not followed: put the address that it leads to into 'token_url'"
    said = ((told or {}).get(key) for key in ("error", "error_description"))
    code, description = (_shown(words, hide) for words in said)
    if not code:
        return why
    words = f"{code} ({description})" if description else code
    remedy = _REMEDIES.get(code)
    return f"{why}: {words}; {remedy}" if remedy else f"{why}: {words}"


def _shown(written: object, hide: Callable[[str], str]) -> str:
    """Return a server's own words in one short line; nothing of what is no text."""
    if not isinstance(written, str):
        return ""
    text = hide(written.strip())
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _asked(retry_after: str | None, now: datetime) -> float:
    until = asked_for(retry_after, unit="seconds", now=now)
    return 0.0 if until is None else min((until - now).total_seconds(), _LONGEST_ASKED)


def _object(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object in *content*; None when it is not one."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
