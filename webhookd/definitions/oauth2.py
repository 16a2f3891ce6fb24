"""OAuth2: a server gives a token for a client's credentials, and requests carry that token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from webhookd.model import Secret

Grant: TypeAlias = Literal["client_credentials", "refresh_token"]
"""What a token is given for."""

BEARER: Final = "Bearer "
"""What stands before a token in its header, nearly everywhere."""

ClientAuthentication: TypeAlias = Literal["basic", "post"]
"""Where a token request has the client's id and secret: as HTTP Basic, or in its form."""


@dataclass(frozen=True, slots=True)
class OAuth2:
    """`Authorization: Bearer TOKEN`, with a token of the server at *token_url* (RFC 6749).

    *scope* is as the server wants it, blanks between; *parameters* are further fields of the form.
    *refresh_token* goes with the grant of that name.
    """

    token_url: str
    client_id: str | Secret
    client_secret: Secret
    grant: Grant = "client_credentials"
    client_authentication: ClientAuthentication = "basic"
    scope: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    refresh_token: Secret | None = None
    prefix: str = BEARER
