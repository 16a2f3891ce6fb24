"""The configuration file as typed, frozen values: what the compiler reads.

Only what the file writes otherwise than the definitions hold it has a form here (see
`webhookd.config.file_form`); a delivery policy is the definition itself. The schema has checked the
shape before (`webhookd.config.schema`); a test walks both and fails when they differ in a key, a
default or a choice.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from webhookd import definitions
from webhookd.config import paths
from webhookd.config.file_form import with_fields_of
from webhookd.definitions import BodyFormat, Location, Method, Scheme

# As written in the file; `scalars.json_of` gives its text.
Value: TypeAlias = Any


class Keys(BaseModel):
    """The keys of one place in the file: no others, and never changed.

    A dataclass of the definitions in a field of it takes no other keys either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretReference(Keys):
    """Where a secret is found; exactly one of the three.

    The patterns stand here as well, so that nothing that is no reference is looked up: a
    message about it would show what may be the secret itself.
    """

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,199}$")
    file: Annotated[
        str | None,
        Field(pattern=r"^[^\x00-\x1f\x7f]{1,4096}$"),
        AfterValidator(lambda path: path and paths.checked(path)),
    ] = None
    credential: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}$")


class App(Keys):
    """An app and its client secrets."""

    client_secret: SecretReference
    previous_client_secrets: tuple[SecretReference, ...] = ()


class Egress(Keys):
    """Which addresses may be connected to."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@with_fields_of(definitions.DirectorySource, but=("name", "json"))
class DropDirectory(Keys):
    """A drop directory."""

    type: Literal["drop_directory"]
    # Pydantic's models have a method of this name.
    json_: definitions.JsonSettings = Field(default=definitions.ANY_JSON, alias="json")
    path: str


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


class NoAuthentication(Keys):
    """An API that asks for none."""

    type: Literal["none"]


SourceAuthentication: TypeAlias = Annotated[
    NoAuthentication | ApiKey | Bearer | Basic | OAuth2, Field(discriminator="type")
]


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


class Comparison(Keys):
    """A property compared with a value."""

    property: str
    operator: Literal[
        "EQ",
        "NEQ",
        "LT",
        "LTE",
        "GT",
        "GTE",
        "CONTAINS_TOKEN",
        "NOT_CONTAINS_TOKEN",
        "CONTAINS",
        "DOES_NOT_CONTAIN",
        "STARTS_WITH",
        "ENDS_WITH",
        "CHANGED_FROM",
        "CHANGED_TO",
    ]
    value: Value


class PropertyComparison(Keys):
    """A property compared with another one of its record."""

    property: str
    operator: Literal["EQ", "NEQ", "LT", "LTE", "GT", "GTE"]
    other_property: str


class Range(Keys):
    """A property between two values."""

    property: str
    operator: Literal["BETWEEN"]
    value: Value
    high_value: Value


class Membership(Keys):
    """A property among values, or not."""

    property: str
    operator: Literal[
        "IN",
        "NOT_IN",
        "IS_ANY_OF",
        "IS_NONE_OF",
        "CONTAINS_ALL",
        "DOES_NOT_CONTAIN_ALL",
        "IS_EXACTLY",
        "IS_NOT_EXACTLY",
    ]
    values: tuple[Value, ...]


class RelativeDate(Keys):
    """A property's date beside the moment at which the record was seen."""

    property: str
    operator: Literal[
        "IS_LESS_THAN_X_DAYS_AGO",
        "IS_MORE_THAN_X_DAYS_AGO",
        "IS_LESS_THAN_X_DAYS_FROM_NOW",
        "IS_MORE_THAN_X_DAYS_FROM_NOW",
    ]
    days: int


class Presence(Keys):
    """A property that has a value, has none, or changed."""

    property: str
    operator: Literal["HAS_PROPERTY", "NOT_HAS_PROPERTY", "CHANGED"]


class AnyGroup(Keys):
    """Holds when at least one part does."""

    any: tuple[When, ...]


class AllGroup(Keys):
    """Holds when every part does."""

    all: tuple[When, ...]


class NotGroup(Keys):
    """Holds when its part does not."""

    part: When = Field(alias="not")


Condition: TypeAlias = Annotated[
    Comparison | Range | Membership | RelativeDate | Presence, Field(discriminator="operator")
]
When: TypeAlias = AnyGroup | AllGroup | NotGroup | PropertyComparison | Condition


class At(Keys):
    """The timer of a date property."""

    property: str
    days: int = 0
    time: str | None = None
    zone: str | None = None
    yearly: bool = False
    offset: str | None = None
    late: str = "1d"


class Wait(Keys):
    """The timer of a change."""

    length: str = Field(alias="for")
    since: Literal["first", "last"] = "first"
    at_most: str | None = None


@with_fields_of(definitions.Trigger)
class Trigger(Keys):
    """Which changes make a delivery."""

    changes: tuple[Literal["created", "updated", "deleted"], ...] = ("created", "updated")
    changed_properties: tuple[str, ...] | None = None
    when: tuple[When, ...] | None = None
    at: At | None = None
    wait: str | Wait | None = None
    still: tuple[When, ...] | None = Field(default=None, alias="while")


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


@with_fields_of(definitions.Webhook, but=("name",))
class Webhook(Keys):
    """Which changes of which records become which request."""

    trigger: Trigger = Trigger()
    request: Request


class Configuration(Keys):
    """A whole configuration, of one file or several, with `defaults` merged into the webhooks."""

    version: Literal[1]
    apps: dict[str, App] = {}
    secrets: dict[str, SecretReference] = {}
    egress: Egress = Egress()
    sources: dict[str, Source] = {}
    webhooks: dict[str, Webhook] = {}
