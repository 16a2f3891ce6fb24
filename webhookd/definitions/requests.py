"""What a webhook sends, where to, and how it shows who it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, TypeAlias

from webhookd.definitions.templates import BodyTemplate, LiveTemplates
from webhookd.model import JsonText, Secret


@dataclass(frozen=True, slots=True)
class ChosenProperty:
    """A property to send, and the name it has in the request."""

    name: str
    sent_as: str


class BodyFormat(StrEnum):
    """The shape of a request's body."""

    FLAT = "flat"
    RECORD = "record"
    STANDARD_WEBHOOKS = "standard_webhooks"
    CLOUDEVENTS = "cloudevents"
    HUBSPOT_LEGACY = "hubspot_legacy"


@dataclass(frozen=True, slots=True)
class Body:
    """What a request's body holds. *properties* None means all of them.

    *portal_id*, the number of an account, goes with the format `hubspot_legacy`.
    A *template* is the whole of it: nothing else is chosen then.
    """

    properties: tuple[ChosenProperty, ...] | None
    static: Mapping[str, JsonText]
    format: BodyFormat
    previous: bool
    portal_id: int | None = None
    template: BodyTemplate | None = None


BEARER: Final = "Bearer "
"""What stands before a token in its header, nearly everywhere."""

Location: TypeAlias = Literal["header", "query"]
"""Where an API key stands."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key sent as a header or as the last query parameter."""

    name: str
    location: Location
    key: Secret


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer TOKEN`; *prefix* is what stands before the token."""

    token: Secret
    prefix: str = BEARER


@dataclass(frozen=True, slots=True)
class Basic:
    """`Authorization: Basic …` (RFC 7617, UTF-8)."""

    username: str | Secret
    password: Secret


Grant: TypeAlias = Literal["client_credentials", "refresh_token"]
"""What a token is given for."""

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


Authentication: TypeAlias = ApiKey | Bearer | Basic | OAuth2


class Scheme(StrEnum):
    """How a request is signed."""

    HUBSPOT_V1 = "hubspot_v1"
    HUBSPOT_V2 = "hubspot_v2"
    HUBSPOT_V3 = "hubspot_v3"
    STANDARD_WEBHOOKS = "standard_webhooks"
    GITHUB = "github"
    STRIPE = "stripe"
    HMAC = "hmac"


ROTATING: Final = frozenset({Scheme.STANDARD_WEBHOOKS, Scheme.STRIPE})
"""Schemes with which an app's previous secrets sign as well."""


@dataclass(frozen=True, slots=True)
class Hmac:
    """A signature in a header of the receiver's choice.

    *signs* and *value* are texts with holes (`{{ body }}`): what is signed, and what the header
    says.
    """

    header: str
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    signs: str = "{{ body }}"
    value: str = "{{ signature }}"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs, how, and with which secrets (the older ones only by some schemes: `ROTATING`).

    *hmac* goes with the scheme `hmac`.
    """

    app_id: str
    scheme: Scheme
    client_secret: Secret
    previous_client_secrets: tuple[Secret, ...] = ()
    hmac: Hmac | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """How a receiver's certificate is verified, and which one of ours it is shown.

    No *ca_file*: the system's authorities. No *client_key_file*: the key is in
    *client_cert_file*. *ca_fingerprint* and *client_fingerprint* are digests of the files'
    content, so that a file replaced under the same name is a different setting; that of the key
    shows itself nowhere.
    """

    ca_file: Path | None = None
    ca_fingerprint: str = ""
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    client_fingerprint: Secret | None = None

    @property
    def names(self) -> tuple[Path | None, ...]:
        """Return the files, whatever they hold."""
        return self.ca_file, self.client_cert_file, self.client_key_file


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that connects in our place, as `http://HOST:PORT`."""

    url: str
    authentication: Basic | None = None


Method: TypeAlias = Literal["POST", "GET", "PUT", "PATCH", "DELETE"]
"""How a request may be made."""

DIRECT: Final = "direct"
"""No proxy, whatever the process's is."""


@dataclass(frozen=True, slots=True)
class Request:
    """The request of a webhook.

    *query* are properties that become query parameters, *query_static* the fixed parameters behind
    them. No *proxy*: that of the process, if it has one. *more_signatures* are those behind the
    first of a list; a field of their own, so that digests of requests with one stay what they were.
    *secrets* are those that its templates name; *live* is what *url* and *headers*, which are as
    the file has them, were read as, where they hold expressions.
    """

    method: Method
    url: str | Secret
    authentication: Authentication | None = None
    signature: Signature | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    query: tuple[ChosenProperty, ...] = ()
    tls: Tls = field(default_factory=Tls)
    proxy: Proxy | Literal["direct"] | None = None
    more_signatures: tuple[Signature, ...] = ()
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    live: LiveTemplates | None = field(default=None, compare=False, repr=False)
    query_static: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        """Return the URL, a secret one too: for requests, never for text."""
        return self.url.reveal() if isinstance(self.url, Secret) else self.url

    @property
    def origin(self) -> str:
        """Return scheme, host and port of the URL, which may be shown of every one."""
        scheme, mark, rest = self.address.partition("://")
        return scheme + mark + re.split("[/?#]", rest, maxsplit=1)[0]

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """Return all signatures, in the order of the file."""
        return () if self.signature is None else (self.signature, *self.more_signatures)
