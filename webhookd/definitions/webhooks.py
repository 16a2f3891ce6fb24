"""A webhook: its parts, and how its deliveries are attempted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from webhookd.definitions.durations import Duration, Rate, TextForm
from webhookd.definitions.requests import Request
from webhookd.definitions.triggers import Trigger

Status: TypeAlias = Annotated[str, TextForm(str, str)]
"""A status like `429`, which the file may write as a number, or a class of them like `5xx`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and when no more. *retry_on* holds `3xx`, `5xx`, `429` and the like."""

    first_after: Duration = timedelta(minutes=1)
    factor: float = 2.0
    at_most_every: Duration = timedelta(hours=8)
    give_up_after: Duration = timedelta(hours=72)
    jitter: float = 0.1
    retry_on: tuple[Status, ...] = ("3xx", "429", "5xx")
    retry_after_unit: Literal["seconds", "milliseconds"] = "seconds"


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How a webhook's deliveries are attempted. *timeout* is that of the whole exchange.

    *success_on* holds `2xx`, `302` and the like: these statuses end a delivery as delivered.
    *order* `record`: a record's deliveries go out one after the other; *coalesce*: a newer one
    takes the place of those that wait.
    """

    timeout: Duration = timedelta(seconds=30)
    connect_timeout: Duration = timedelta(seconds=3)
    concurrency: int = 10
    rate_limit: Rate | None = None
    success_on: tuple[Status, ...] = ("2xx",)
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
