"""A token server on a real socket, that answers as it is told, and a receiver behind its tokens."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote_plus

from tests.receiver import Answer, Receiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.receiver import Received


def granting(token: str, **more: Any) -> Answer:
    """Return the answer that gives *token*; a value None in *more* leaves a field out."""
    told = {"access_token": token, "token_type": "Bearer", "expires_in": 3600} | more
    return saying({name: value for name, value in told.items() if value is not None})


def saying(told: object, status: int = 200, **headers: str) -> Answer:
    """Return an answer of JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"content-type": "application/json"} | named, json.dumps(told).encode())


class TokenServer(Receiver):
    """Gives `token-1`, `token-2` and so on, or answers as *script* says by the request's number."""

    def __init__(self, script: Callable[[int], Answer] | None = None, **options: Any) -> None:
        self.script = script or (lambda number: granting(f"token-{number}-of-the-server"))
        super().__init__(lambda _: self.script(len(self.received)), **options)

    @property
    def token_url(self) -> str:
        """Return where tokens are asked for."""
        return f"{self.url}/oauth2/token"


def form(received: Received) -> dict[str, list[str]]:
    """Return the form of a token request."""
    return parse_qs(received.body.decode(), keep_blank_values=True, strict_parsing=True)


def basic(received: Received) -> tuple[str, str]:
    """Return the client's id and secret, as a server that goes by RFC 6749 reads them."""
    scheme, _, pair = received.headers["authorization"].partition(" ")
    assert scheme == "Basic"
    name, _, secret = base64.b64decode(pair).decode("ascii").partition(":")
    return unquote_plus(name), unquote_plus(secret)
