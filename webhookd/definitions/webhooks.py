"""A webhook: its parts, and how its deliveries are attempted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from webhookd.definitions.triggers import Trigger

if TYPE_CHECKING:
    from webhookd.definitions.requests import Request


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
