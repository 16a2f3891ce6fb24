"""What is asked of the admin API about one webhook: trials, drafts and backfills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.admin.parameters.plain_parameters import (
    BadQuestionError,
    number_of,
    one_of,
    plain,
    refuse_with,
    text_of,
)
from webhookd.config.drafts import draft
from webhookd.intake.backfill import PER_SECOND
from webhookd.model import ChangeKind
from webhookd.operations.trials.samples import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_RATE, MOST_RATE = 0.1, 10_000
LONGEST_DRAFT = draft.LARGEST
"""In characters: one has a byte at least, and `draft.read` counts those."""


def wanted_of(given: Mapping[str, Any]) -> Wanted:
    """Return what a webhook is to be tried with."""
    refuse = "take one of change, and record_id with or without kind"
    if "change" in given:
        refuse_with(given, ("record_id", "kind"), refuse)
    return Wanted(
        text_of(given, "record_id"),
        number_of(given, "change"),
        one_of(ChangeKind, given, "kind"),
    )


def draft_of(given: Mapping[str, Any]) -> str | None:
    """Return the text of a draft, which may be left out."""
    value = given.get("definition")
    if value is None or isinstance(value, str):
        return None if value is None else plain(value, LONGEST_DRAFT)
    raise BadQuestionError("definition must be text")


def rate_of(given: Mapping[str, Any]) -> float:
    """Return how many deliveries a second to make."""
    value = given.get("per_second", PER_SECOND)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not LEAST_RATE <= value <= MOST_RATE:
        raise BadQuestionError(f"per_second must be a number from {LEAST_RATE} to {MOST_RATE}")
    return float(value)
