"""Deliveries, attempts, and what these led to.

What is made for every attempt is not frozen: a frozen dataclass takes three times as long to make.
Nobody changes it all the same, for other threads and tasks read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from webhookd.model.records import ChangeKind, Deletion, JsonText


@dataclass(slots=True)
class Rendered:
    """What is frozen of a request when its delivery is stored.

    *query* is the percent-encoded text of the parameters that come from the record, without
    a leading `?` or `&`; empty when there are none. *holes* are places in *body* where an attempt
    puts secrets: each counted in bytes of *body*, with the secret's name. *values* are what the
    URL and the headers asked for when the delivery was stored, by their names in expressions
    (`properties.region`); None where they asked for nothing that is to be kept.
    """

    method: str
    body: bytes | None
    content_type: str | None
    query: str
    holes: tuple[tuple[int, str], ...] = ()
    values: Mapping[str, JsonText] | None = None


class DeliveryState(StrEnum):
    """Where a delivery stands. `HELD` is how a pending one shows while its webhook is held."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


REMOVED: Final = "removed from the configuration"
DISABLED: Final = "disabled in the configuration"
"""Reasons to hold a webhook's deliveries that only the configuration ends."""


class Hints(NamedTuple):
    """Waits of a delivery that a Retry-After has shortened: *made* of them, the last *in_row*."""

    made: int = 0
    in_row: int = 0


NO_HINTS: Final = Hints()


@dataclass(slots=True)
class Delivery:
    """A webhook's duty to report one change.

    *id* is the header `webhook-id`, the same in every attempt. *first_attempt_at* is None
    before the first attempt. *held_before* is how long its webhook had been held in all when
    the first attempt started, so that later holds move the time of giving up. *is_behind* says
    that an older delivery of its record must end first; of one just stored, *supersedes* are the
    ids of those whose place it took, and *attempts_made* counts theirs. *is_unclaimed* says of one
    just stored that it is left to whichever daemon has room, and *deletion* of one that is stored
    how its record came to be deleted.
    """

    id: str
    webhook: str
    source: str
    object: str
    record_id: str
    change: ChangeKind
    rendered: Rendered
    created_at: datetime
    due_at: datetime
    attempts_made: int = 0
    first_attempt_at: datetime | None = None
    held_before: float = 0.0
    hints: Hints = NO_HINTS
    is_behind: bool = False
    supersedes: tuple[str, ...] = ()
    is_unclaimed: bool = False
    deletion: Deletion | None = None

    @property
    def record(self) -> tuple[str, str, str]:
        """Return the source, object and id of its record, which name no other."""
        return self.source, self.object, self.record_id


Reason: TypeAlias = Literal[
    "dns",
    "refused",
    "egress",
    "tls",
    "connect_timeout",
    "timeout",
    "reset",
    "protocol",
    "internal",
    "token",
    "url",
    "secret",
]
"""Why an attempt got no answer: a closed set, for logs, metrics and stored attempts."""

WITHOUT_REQUEST: Final[frozenset[Reason]] = frozenset({"token", "url", "secret"})
"""Reasons of attempts that made no request: they say nothing about the receiver."""


@dataclass(slots=True)
class Response:
    """What the receiver answered: enough of it to judge and to show.

    *answer* is the beginning of the body, *is_cut* whether more of it came or was to come;
    *retry_after* and *location* are headers' texts as they came, *headers* all of them.
    """

    status: int
    retry_after: str | None = None
    answer: bytes = b""
    is_cut: bool = False
    location: str | None = None
    headers: Sequence[tuple[bytes, bytes]] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No usable answer came, and why: *detail* is one sentence that helps."""

    reason: Reason
    detail: str


Reply: TypeAlias = Response | Unreachable


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it."""


DELIVERED: Final = Delivered()
"""The one that all attempts have which were taken."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again no sooner than *when*; *lane_paused_until* holds all of the webhook back.

    *hints_in_row* is that of the delivery's `Hints` with this wait. The wait is a shortened one
    itself where that is more than before.
    """

    when: datetime
    why: str
    lane_paused_until: datetime | None = None
    hints_in_row: int = 0


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No attempt will follow by itself."""

    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """The webhook is paused and its deliveries wait until it is changed or resumed."""

    why: str


Outcome: TypeAlias = Delivered | RetryAt | GivenUp | Held


@dataclass(slots=True)
class Attempt:
    """One HTTP request for a delivery, as it is remembered.

    *number* counts from 1, *seconds* is the length of the whole exchange; *status* is None when
    no answer came, *error* None when it was delivered. *answer* is the first 2 KiB of what the
    receiver said, secrets replaced. *config_hash* names the configuration in force. *sent* is the
    URL and then the request's headers, a line each (`name: value`), but for `webhook-id` and
    `webhook-timestamp`, which follow from the rest; *answer_headers* are the answer's. Secrets are
    replaced; None where there was nothing, or where an older version kept none.
    """

    number: int
    started_at: datetime
    seconds: float
    status: int | None
    error: str | None
    answer: str = field(repr=False)
    config_hash: str
    sent: str | None = field(default=None, repr=False)
    answer_headers: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Settlement:
    """An attempt that ended, and what it led to.

    *epoch* is the lane's when it ended; *is_paced* says that a rate limit counted its start.
    *kind* says what came back, from a closed set: a `Reason`, or the status as `2xx`, `5xx`.
    """

    delivery: Delivery
    lane: int
    epoch: int
    attempt: Attempt
    outcome: Outcome
    first_attempt_at: datetime
    held_before: float
    ended_at: datetime
    is_paced: bool = False
    kind: str = ""

    @property
    def made_request(self) -> bool:
        """Return whether the receiver was sent anything, as far as that can be known."""
        return self.kind not in WITHOUT_REQUEST


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are meant; None stands for all. Times are of their creation.

    *error* is what the latest attempt came to: a status (`422`), a class of them (`4xx`), a
    `Reason`, or `other` where it was neither.
    """

    webhook: str | None = None
    state: DeliveryState | None = None
    object: str | None = None
    record_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None
    change: ChangeKind | None = None
    error: str | None = None
