"""How requests are authorized and signed, as the file writes it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from webhookd import definitions
from webhookd.config.file_form import with_fields_of
from webhookd.config.models.file_keys import Keys, SecretReference
from webhookd.definitions import Location, Scheme


class NoAuthentication(Keys):
    """An API that asks for none."""

    type: Literal["none"]


@with_fields_of(definitions.ApiKey)
class ApiKey(Keys):
    """A key in a header, or as the last query parameter."""

    type: Literal["api_key"]
    location: Location = "header"
    key: SecretReference


@with_fields_of(definitions.Bearer)
class Bearer(Keys):
    """A bearer token."""

    type: Literal["bearer"]
    token: SecretReference


@with_fields_of(definitions.Basic)
class Basic(Keys):
    """A user name and a password."""

    type: Literal["basic"]
    username: str | SecretReference
    password: SecretReference | Literal[""]


@with_fields_of(definitions.OAuth2)
class OAuth2(Keys):
    """A token that a server gives for a client's credentials."""

    type: Literal["oauth2"]
    client_id: str | SecretReference
    client_secret: SecretReference
    parameters: dict[str, str] = {}
    refresh_token: SecretReference | None = None


Authentication: TypeAlias = Annotated[ApiKey | Bearer | Basic | OAuth2, Field(discriminator="type")]


@with_fields_of(definitions.Signature, but=("client_secret", "previous_client_secrets"))
class Signature(Keys):
    """Who signs the request, and how."""

    app_id: str
    scheme: Scheme = Scheme.HUBSPOT_V2


SourceAuthentication: TypeAlias = Annotated[
    NoAuthentication | ApiKey | Bearer | Basic | OAuth2, Field(discriminator="type")
]
