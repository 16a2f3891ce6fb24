"""A webhook or a draft that is tried with a record: why it fires, its request, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from webhookd.views.deliveries import ChangeName, RequestView
from webhookd.views.view import Count, Seconds, View


@dataclass(frozen=True, slots=True)
class ProblemView(View):
    """Something that is wrong with a draft."""

    line: Count
    """Its line in the text."""
    column: Count
    """Its column."""
    where: str
    """The way to the setting, like `webhooks.w.request.url`; empty for the text as a whole."""
    message: str
    """What is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class SampleView(View):
    """The change that a webhook is tried with."""

    record_id: str
    """The record."""
    change: ChangeName
    """What happened to it, or might have."""
    number: int | None
    """The change's number in the journal; null where it is not one of those."""
    at: datetime
    """When it was seen; now, for a record that is looked at as it is."""
    origin: str
    """Where it is from, as a sentence."""


@dataclass(frozen=True, slots=True)
class FindingView(View):
    """What became of one part of the conditions."""

    depth: Count
    """How far in it stands, from 0."""
    text: str
    """The condition in words."""
    met: str | None
    """The value that it met; null for `all of`, `any of` and `not`."""
    holds: bool
    """Whether it holds."""


@dataclass(frozen=True, slots=True)
class ReplyView(View):
    """What came of the request that was sent."""

    status: int | None
    """The answer's status; null where there was no answer."""
    error: str | None
    """Why there was none; null where there was one."""
    answer: str | None
    """The beginning of the answer's body, with `***` for secrets."""
    seconds: Seconds
    """How long it took."""


@dataclass(frozen=True, slots=True)
class TrialView(View):
    """A webhook or a draft that was tried with a record."""

    webhook: str | None
    """Its name; null where a draft is wrong."""
    problems: tuple[ProblemView, ...]
    """What is wrong with a draft; then nothing else is told."""
    sample: SampleView | None
    """The change that it was tried with."""
    fires: bool | None
    """Whether that change makes a delivery."""
    reasons: tuple[str, ...]
    """Why, as sentences."""
    findings: tuple[FindingView, ...]
    """What each condition found."""
    findings_before: tuple[FindingView, ...]
    """What each found in the record before, where the webhook asks for that."""
    request: RequestView | None
    """The request, with `***` for secrets; null where none can be made."""
    why_none: str | None
    """Why no request can be made."""
    unsendable: str | None
    """Why a draft is not sent; null where it may be."""
    secrets: Literal["real", "placeholder"]
    """What stands in the request that is sent where it has secrets."""
    reply: ReplyView | None
    """What came of it; null where nothing was sent."""
