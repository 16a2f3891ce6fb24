"""Digests that tell a changed request from an unchanged one, after a restart or an upgrade too.

The database keeps two digests for each webhook. When they differ from those of a configuration
that is put in force, deliveries that wait become due and a 410's hold is lifted; so a digest must
change exactly when the request does. It is taken from a canonical JSON text in which every field
that has its default is left out: a new field of a dataclass, with a default, leaves all digests as
they were. A secret stands in the text as its HMAC under a key of the database: another secret is
another digest, and the digest says nothing about the secret.

What is written here is kept in databases: another text means another `SCHEME`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Literal

from webhookd.definitions import ApiKey, Basic, Bearer, OAuth2
from webhookd.model import Secret

if TYPE_CHECKING:
    from webhookd.definitions import Proxy, Request, Tls

SCHEME: Final = "2:"
"""What a digest begins with; those that webhookd wrote before had no such beginning."""

_KINDS: Final[Mapping[type, str]] = {
    ApiKey: "api_key",
    Bearer: "bearer",
    Basic: "basic",
    OAuth2: "oauth2",
}
"""What tells apart values that may stand in the same field, whatever their classes are called."""


def request_digest(request: Request, key: bytes) -> str:
    """Return the digest of all that *request* is; *key* is the database's key for secrets."""
    return _digest(request, key)


def target_digest(request: Request, key: bytes) -> str:
    """Return the digest of what leads to the receiver: if that changes, an attempt is worth it."""
    way: tuple[object, ...]
    way = (request.url, request.authentication, request.signature, request.tls, request.proxy)
    # Not there where there is none, as it was before there could be: stored digests stay right.
    more = tuple(one for one in (request.more_signatures, request.secrets) if one)
    return _digest((*way, *more), key)


def client_digest(
    authentication: OAuth2, tls: Tls, proxy: Proxy | Literal["direct"] | None, key: bytes
) -> str:
    """Return the digest of a client of a token server: of all that makes its token another one."""
    return _digest((authentication, tls, proxy), key)


def is_comparable(stored: str) -> bool:
    """Return whether a *stored* digest is of this scheme: one of another says nothing."""
    return stored.startswith(SCHEME)


def _digest(value: object, key: bytes) -> str:
    text = json.dumps(
        _canonical(value, key), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return SCHEME + hashlib.sha256(text.encode()).hexdigest()[:32]


def _canonical(value: object, key: bytes) -> Any:
    """Return *value* as JSON values, with defaults left out; TypeError for an unknown kind."""
    match value:
        case None | bool() | int() | float():
            return value
        case Secret():
            return {"hmac": hmac.new(key, value.reveal().encode(), "sha256").hexdigest()}
        case str() | PurePath():
            # Of an enumeration of texts that is its value.
            return str(value)
        case Mapping():
            return {str(name): _canonical(one, key) for name, one in value.items()}
        case Sequence():
            return [_canonical(one, key) for one in value]
        case _:
            return _fields(value, key)


def _fields(value: object, key: bytes) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their defaults, and its kind."""
    if not is_dataclass(value):
        raise TypeError(f"no canonical text for a {type(value).__name__}")
    content = {
        field.name: _canonical(one, key)
        for field in fields(value)
        # What makes no difference between two values makes none between their digests.
        if field.compare and (one := getattr(value, field.name)) != _default(field)
    }
    kind = _KINDS.get(type(value))
    return content if kind is None else content | {"kind": kind}


def _default(field: Field[Any]) -> object:
    """Return a field's default; MISSING, which equals nothing, where it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()
