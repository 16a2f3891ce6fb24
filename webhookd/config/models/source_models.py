"""Sources of each kind, as the file writes them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from webhookd import definitions
from webhookd.config.file_form import with_fields_of
from webhookd.config.models.authentication_models import (
    Authentication,
    Signature,
    SourceAuthentication,
)
from webhookd.config.models.file_keys import Keys, SecretReference


@with_fields_of(definitions.DirectorySource, but=("name", "json"))
class DropDirectory(Keys):
    """A drop directory."""

    type: Literal["drop_directory"]
    # Pydantic's models have a method of this name.
    json_: definitions.JsonSettings = Field(default=definitions.ANY_JSON, alias="json")
    path: str


@with_fields_of(definitions.Wake, but=("signatures",))
class Wake(Keys):
    """Who may have a source polled now."""

    signature: Signature | tuple[Signature, ...] | None = None
    authentication: Authentication | None = None


@with_fields_of(definitions.HubspotList, but=("name",))
class HubspotList(Keys):
    """A list of records whose members have a property."""


class AssociationType(Keys):
    """A type of associations, by its number."""

    type_id: int


@with_fields_of(definitions.HubspotAssociated, but=("prefix", "type_id"))
class HubspotAssociated(Keys):
    """What a record carries of those that are associated with it; the prefix is its key."""

    object: str | None = None
    label: str | AssociationType | None = None


@with_fields_of(definitions.HubspotOwner, but=("prefix",))
class HubspotOwner(Keys):
    """What a record carries of an owner; the prefix is its key."""


@with_fields_of(definitions.HubspotObject, but=("name", "archive", "absence"))
class HubspotObject(Keys):
    """What is read of one type of object."""

    properties: Literal["all"] | tuple[str, ...]
    deletions: bool | definitions.HubspotDeletions = False
    lists: dict[str, HubspotList] = {}
    associated: dict[str, HubspotAssociated] = {}
    owners: dict[str, HubspotOwner] = {}


@with_fields_of(definitions.HubspotSource, but=("name",))
class Hubspot(Keys):
    """HubSpot's CRM API."""

    type: Literal["hubspot"]
    base_url: str = "https://api.hubapi.com"
    token: SecretReference
    objects: dict[str, HubspotObject]
    start: str = "now"
    wake: Wake | None = None


@with_fields_of(definitions.OwnEventsSource, but=("name",))
class OwnEvents(Keys):
    """The daemon's own events."""

    type: Literal["webhookd"]


@with_fields_of(definitions.RestDetect, but=("time_format", "begin"))
class RestDetect(Keys):
    """How what changed is found. Python has a keyword of the name `from`."""

    format: str = "auto"
    begin: str = Field(default="2000-01-01T00:00:00Z", alias="from")


@with_fields_of(definitions.RestError, but=("length",))
class RestError(Keys):
    """What an answer means. Python has a keyword of the name `for`."""

    length: definitions.Duration | None = Field(default=None, alias="for")


@with_fields_of(definitions.RestObject, but=("name",))
class RestObject(Keys):
    """How one type of object is read."""

    properties: Literal["all"] | tuple[str, ...] | dict[str, str] = "all"
    detect: RestDetect = RestDetect()


@with_fields_of(definitions.RestSource, but=("name",))
class Rest(Keys):
    """A JSON API. What `object_defaults` and the preset say is merged into the objects before."""

    type: Literal["rest"]
    extends: str | None = None
    base_url: str
    authentication: SourceAuthentication | None = None
    start: str = "now"
    errors: tuple[RestError, ...] = ()
    objects: dict[str, RestObject]
    wake: Wake | None = None


Source: TypeAlias = Annotated[
    DropDirectory | Hubspot | OwnEvents | Rest, Field(discriminator="type")
]
