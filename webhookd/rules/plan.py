"""The Plan: a whole configuration, checked, resolved and frozen.

`webhookd.config` makes one; a reload swaps it whole. Readers take the plan in force once per
batch or attempt and keep that object; nothing here is ever edited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from webhookd.model import ChangeKind, JsonText, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

Network: TypeAlias = IPv4Network | IPv6Network


class Operator(StrEnum):
    """HubSpot's search operators, and three that look at the change itself."""

    EQ = "EQ"
    NEQ = "NEQ"
    LT = "LT"
    LTE = "LTE"
    GT = "GT"
    GTE = "GTE"
    BETWEEN = "BETWEEN"
    IN = "IN"
    NOT_IN = "NOT_IN"
    HAS_PROPERTY = "HAS_PROPERTY"
    NOT_HAS_PROPERTY = "NOT_HAS_PROPERTY"
    CONTAINS_TOKEN = "CONTAINS_TOKEN"  # noqa: S105 - HubSpot's name for a word
    NOT_CONTAINS_TOKEN = "NOT_CONTAINS_TOKEN"  # noqa: S105 - HubSpot's name for a word
    CHANGED = "CHANGED"
    CHANGED_FROM = "CHANGED_FROM"
    CHANGED_TO = "CHANGED_TO"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a property.

    *values* holds nothing (HAS_PROPERTY, CHANGED, …), the one value, the low and the high
    value (BETWEEN), or the list (IN, NOT_IN); each as text.
    """

    property: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when every part does."""

    parts: tuple[When, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when at least one part does."""

    parts: tuple[When, ...]


@dataclass(frozen=True, slots=True)
class NotOf:
    """Holds when its part does not."""

    part: When


When: TypeAlias = Condition | AllOf | AnyOf | NotOf


class Enroll(StrEnum):
    """How often a record that matches makes a delivery."""

    EVERY_CHANGE = "every_change"
    EVERY_MATCH = "every_match"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Which changes make a delivery. No *when* means that every record matches."""

    changes: frozenset[ChangeKind] = frozenset({ChangeKind.CREATED, ChangeKind.UPDATED})
    changed_properties: frozenset[str] = frozenset()
    when: AllOf | None = None
    enroll: Enroll = Enroll.EVERY_CHANGE


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


@dataclass(frozen=True, slots=True)
class Body:
    """What a request's body holds. *properties* None means all of them."""

    properties: tuple[ChosenProperty, ...] | None
    static: Mapping[str, JsonText]
    format: BodyFormat
    previous: bool


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key sent as a header or as the last query parameter."""

    name: str
    location: Literal["header", "query"]
    key: Secret


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer TOKEN`."""

    token: Secret


@dataclass(frozen=True, slots=True)
class Basic:
    """`Authorization: Basic …` (RFC 7617, UTF-8)."""

    username: str
    password: Secret


Authentication: TypeAlias = ApiKey | Bearer | Basic


class Scheme(StrEnum):
    """How a request is signed."""

    HUBSPOT_V1 = "hubspot_v1"
    HUBSPOT_V2 = "hubspot_v2"
    HUBSPOT_V3 = "hubspot_v3"
    STANDARD_WEBHOOKS = "standard_webhooks"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs, how, and with which secrets (the older ones only by `standard_webhooks`)."""

    app_id: str
    scheme: Scheme
    client_secret: Secret
    previous_client_secrets: tuple[Secret, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that connects in our place, as `http://HOST:PORT`."""

    url: str
    authentication: Basic | None = None


DIRECT: Final = "direct"
"""No proxy, whatever the process's is."""


@dataclass(frozen=True, slots=True)
class Request:
    """The request of a webhook. Exactly one of *body* and *query* may choose properties.

    No *proxy*: that of the process, if it has one.
    """

    method: str
    url: str
    authentication: Authentication | None = None
    signature: Signature | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    query: tuple[ChosenProperty, ...] = ()
    tls: Tls = field(default_factory=Tls)
    proxy: Proxy | Literal["direct"] | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and when no more. *retry_on* holds `3xx`, `5xx`, `429` and the like."""

    first_after: timedelta = timedelta(minutes=1)
    factor: float = 2.0
    at_most_every: timedelta = timedelta(hours=8)
    give_up_after: timedelta = timedelta(hours=72)
    jitter: float = 0.1
    retry_on: tuple[str, ...] = ("3xx", "429", "5xx")
    retry_after_unit: Literal["seconds", "milliseconds"] = "seconds"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most *starts* attempts start in any window of length *per*."""

    starts: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How a webhook's deliveries are attempted. *timeout* is that of the whole exchange.

    *order* `record`: a record's deliveries go out one after the other; *coalesce*: a newer one
    takes the place of those that wait.
    """

    timeout: timedelta = timedelta(seconds=30)
    connect_timeout: timedelta = timedelta(seconds=3)
    concurrency: int = 10
    rate_limit: RateLimit | None = None
    order: Literal["none", "record"] = "none"
    coalesce: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A definition: which changes of which records become which request."""

    name: str
    source: str
    object: str
    request: Request
    trigger: Trigger = field(default_factory=Trigger)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    description: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """A drop directory. *format* `auto` goes by each file's suffix.

    *content* `snapshot`: each file lists all records. *partial*: what a row lacks is as before.
    """

    name: str
    path: Path
    object: str
    id_property: str = "id"
    content: Literal["records", "snapshot"] = "records"
    partial: bool = False
    format: Literal["auto", "csv", "json", "ndjson"] = "auto"
    start: Literal["beginning", "now"] = "beginning"
    on_done: Literal["archive", "delete"] = "archive"

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""
        return {
            "path": str(self.path),
            "object": self.object,
            "id_property": self.id_property,
        }


@dataclass(frozen=True, slots=True)
class HubspotObject:
    """What is read of one type of object. *properties* None means all of them."""

    name: str
    properties: tuple[str, ...] | None
    deletions: bool = False


@dataclass(frozen=True, slots=True)
class HubspotSource:
    """HubSpot's CRM API. *start* as a time: what changed since then is reported."""

    name: str
    base_url: str
    token: Secret
    objects: tuple[HubspotObject, ...]
    api_version: str = "2026-03"
    poll_every: timedelta = timedelta(seconds=30)
    start: Literal["now", "beginning"] | datetime = "now"
    overlap: timedelta = timedelta(minutes=5)
    requests_per_second: float = 4.0

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""
        return {"base_url": self.base_url}


Source: TypeAlias = DirectorySource | HubspotSource


@dataclass(frozen=True, slots=True)
class Egress:
    """Which addresses may be connected to beyond the public ones, and which may not at all."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole configuration. *hash* names its content (without secrets) in logs and attempts.

    *secrets* are all that were resolved, for redaction.
    """

    hash: str
    egress: Egress
    sources: Mapping[str, Source]
    webhooks: Mapping[str, Webhook]
    secrets: tuple[Secret, ...] = ()
