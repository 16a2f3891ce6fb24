"""Deliveries: as lists show them, one whole with its attempts, and how many were changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias

from webhookd.model import DeliveryState
from webhookd.views.view import Count, Ordinal, Seconds, View

ChangeName: TypeAlias = Literal["created", "updated", "deleted", "due"]
DeletionName: TypeAlias = Literal["archived", "merged", "gone"]


@dataclass(frozen=True, slots=True)
class DeliveryView(View):
    """A delivery as lists show it."""

    id: str
    """The header `webhook-id`, the same in every attempt."""
    webhook: str
    """The webhook's key in the configuration."""
    source: str
    """The source that saw the change."""
    object: str
    """The type of the record."""
    record_id: str
    """The record that changed."""
    change: ChangeName
    """What happened to the record."""
    state: DeliveryState
    """Where the delivery stands; `held` while it waits and its webhook is held."""
    attempts: Count
    """How many attempts were made, with those for older changes whose place it took."""
    next_attempt_at: datetime | None
    """When it is attempted next; null where no attempt is planned."""
    is_behind: bool
    """Whether an older delivery of its record must end first."""
    last_status: int | None
    """The status of the latest answer; null where there was none."""
    last_error: str | None
    """Why the latest attempt did not deliver; null where it did, or none was made."""
    created_at: datetime
    """When it was stored."""
    settled_at: datetime | None
    """When it ended; null while it has not."""
    superseded_by: str | None = None
    """The id of the delivery that took its place."""


@dataclass(frozen=True, slots=True)
class AttemptView(View):
    """One HTTP request for a delivery."""

    number: Ordinal
    """Which attempt it was, counted from 1."""
    started_at: datetime
    """When the request began."""
    seconds: Seconds
    """How long the whole exchange took."""
    status: int | None
    """The status of the answer; null where none came."""
    error: str | None
    """Why it did not deliver; null where it did."""
    answer: str | None
    """The beginning of what the receiver said, secrets replaced."""
    config_hash: str | None
    """The configuration that was in force."""
    url: str | None = None
    """Where it was sent to, secrets replaced; null where nothing was, or none was kept."""
    request_headers: Mapping[str, str] | None = None
    """The headers of the request as sent, secrets replaced; null likewise."""
    answer_headers: Mapping[str, str] | None = None
    """The headers of the answer, secrets replaced; null where there was none, or none was kept."""


@dataclass(frozen=True, slots=True)
class RequestView(View):
    """A request as it would be made now; `***` stands for each secret."""

    method: str
    """Its method."""
    url: str
    """Its whole URL."""
    headers: tuple[tuple[str, str], ...]
    """Names and values of its headers, in their order; what an attempt computes is only named."""
    body: str | None
    """Its body; null where it has none."""
    curl: str
    """The line for a shell that makes it."""
    as_of: datetime
    """When it was put together, by the configuration in force."""


@dataclass(frozen=True, slots=True)
class ChangedPropertyView(View):
    """A property that the change made another."""

    property: str
    """Its name."""
    before: str | None
    """Its value before, as JSON text; null where there was none."""
    after: str | None
    """Its value since, likewise."""


@dataclass(frozen=True, slots=True)
class ShownDeliveryView(DeliveryView):
    """A delivery whole: what is sent, and every attempt."""

    lacks_where_none: ClassVar[frozenset[str]] = frozenset(
        {"url_values", "deletion", "merged_into"}
    )

    method: str = ""
    """The method of its request."""
    content_type: str | None = None
    """The type of the body; null where there is no body."""
    body: str | None = None
    """The body that is sent, in base64 where it is not text."""
    query: str = ""
    """The parameters of the URL's query that come from the record."""
    url_values: Mapping[str, Any] | None = None
    """What the URL and the headers asked for when it was stored, by the names in expressions."""
    attempt_log: tuple[AttemptView, ...] = ()
    """Every attempt that is kept, the oldest first."""
    request: RequestView | None = None
    """The request as it would be made now; null where there is none, and without a daemon."""
    request_error: str | None = None
    """Why no request can be made of it now; null where one can, and without a daemon."""
    give_up_at: datetime | None = None
    """When it is given up unless an attempt delivers it; null before the first, and once ended."""
    changed: tuple[ChangedPropertyView, ...] | None = None
    """What the change made another; null where the journal does not have it any more."""
    deletion: DeletionName | None = None
    """How its record came to be deleted; not there where it was not, or nobody knows."""
    merged_into: str | None = None
    """The id of the record that its record was merged into; not there where it was not."""


@dataclass(frozen=True, slots=True)
class DeliveriesView(View):
    """Deliveries, the newest first."""

    deliveries: tuple[DeliveryView, ...]
    """Those that were asked for."""
    next: int | None = None
    """What `before` is for those that follow; null where there are no more."""
    is_partial: bool = False
    """Whether the time for one answer was over before the page was full; `next` goes on."""
    searched_to: datetime | None = None
    """When the oldest that was looked at was stored, where the answer is partial."""


@dataclass(frozen=True, slots=True)
class CancelledView(View):
    """How many deliveries were cancelled."""

    count: Count
    """How many were, or would be."""
    dry_run: bool
    """Whether they were only counted."""
    left: Count = 0
    """Those that were asked for by id and do not wait."""
    upto: int | None = None
    """The number of the newest delivery that was looked at, where they were only counted."""
    examples: tuple[str, ...] = ()
    """Ids of the newest of them, where they were only counted."""


@dataclass(frozen=True, slots=True)
class RetriedView(View):
    """How many deliveries were made due."""

    count: Count
    """How many were, or would be."""
    overtaken: Count
    """Those left, for a newer delivered change of their record overtook them."""
    dry_run: bool
    """Whether they were only counted."""
    left: Count = 0
    """Those that were asked for by id and have nothing to send: given up before any attempt."""
    held: Count = 0
    """Those that are not attempted, for their webhook is held, whichever their state was."""
    holds: Mapping[str, str] = field(default_factory=dict)
    """By webhook with held ones, why it is held."""
    upto: int | None = None
    """The number of the newest delivery that was looked at, where they were only counted."""
    examples: tuple[str, ...] = ()
    """Ids of the newest of those that are meant, where they were only counted."""


@dataclass(frozen=True, slots=True)
class ByHandView(View):
    """How far a change of many deliveries is that a person began."""

    action: str
    """`retry` or `cancel`."""
    started_at: datetime
    """When it began."""
    done: Count
    """Deliveries that were looked at."""
    of: Count
    """How many there were to look at when it began."""
    over: bool
    """Whether nothing more comes."""
    error: str | None
    """Why it ended early; null where it did not."""
    count: Count = 0
    """How many were changed."""
    overtaken: Count = 0
    """Those left, for a newer delivered change of their record overtook them."""
    held: Count = 0
    """Those that were changed and wait for the hold of their webhook to end."""


@dataclass(frozen=True, slots=True)
class GroupView(View):
    """Deliveries of a webhook whose latest attempt came to the same."""

    state: DeliveryState
    """`failed` or `held`."""
    webhook: str
    """The webhook's key in the configuration."""
    error: str | None
    """A status, a reason or `other`, as the filter `error` takes it; null where none was made."""
    count: Count
    """How many there are."""
    oldest_at: datetime
    """When the oldest of them was stored."""
    newest_at: datetime
    """When the newest of them was stored."""
    example: str
    """The id of the newest."""
    last_error: str | None
    """Why its latest attempt did not deliver, in full."""


@dataclass(frozen=True, slots=True)
class GroupsView(View):
    """What failed and what is held, by webhook and cause, the largest groups first."""

    groups: tuple[GroupView, ...]
    """The groups."""
    is_partial: bool
    """Whether there are more deliveries in a state than are looked at, or more groups."""
