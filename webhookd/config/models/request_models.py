"""Requests of webhooks, as the file writes them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webhookd import definitions
from webhookd.config.file_form import with_fields_of
from webhookd.config.models.authentication_models import Authentication, Basic, Signature
from webhookd.config.models.file_keys import Keys, SecretReference, Value
from webhookd.definitions import BodyFormat, Method


class ChosenProperty(Keys):
    """A property and its name in the request."""

    property: str
    sent_as: str | None = Field(default=None, alias="as")


@with_fields_of(definitions.Body)
class Body(Keys):
    """What the body of the request holds."""

    properties: Literal["all"] | tuple[str | ChosenProperty, ...] = "all"
    static: dict[str, Value] = {}
    format: BodyFormat | None = None
    previous: bool = False
    template: Value = None
    content_type: str | None = None


class Query(Keys):
    """What the URL's query holds beside what is written in it."""

    properties: tuple[str | ChosenProperty, ...] = ()
    static: dict[str, str] = {}


class Tls(Keys):
    """How the receiver's certificate is verified, and which one of ours it is shown."""

    ca_file: str | None = None
    client_cert_file: str | None = None
    client_key_file: str | None = None


@with_fields_of(definitions.Request, but=("more_signatures", "query_static", "secrets", "live"))
class Request(Keys):
    """What is sent."""

    method: Method = "POST"
    url: str | SecretReference
    allow_http: bool = False
    authentication: Authentication | None = None
    signature: Signature | tuple[Signature, ...] | None = None
    headers: dict[str, str] = {}
    body: Body | None = None
    query: Query | None = None
    tls: Tls = Tls()
    proxy: str | None = None
    proxy_authentication: Basic | None = None
