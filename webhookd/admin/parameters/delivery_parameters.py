"""Which deliveries are meant, and over what time activity is told: asked of the admin API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhookd.admin.parameters.plain_parameters import (
    BadQuestionError,
    number_of,
    one_of,
    plain,
    text_of,
    time_of,
    whole_of,
)
from webhookd.model import ChangeKind, DeliveryFilter, DeliveryState
from webhookd.operations.activity_counts import STEPS
from webhookd.rules import failure_causes
from webhookd.storage.deliveries.manual import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_IDS = 1000
ALLOWED_STEPS = (60, 600, 3600, 86_400)
LONGEST_STEP = max(ALLOWED_STEPS)
GROUPS, MOST_GROUPS = 50, 200
GROUPED = (DeliveryState.FAILED, DeliveryState.HELD)
FILTER = (
    *("webhook", "state", "source", "object", "record_id", "change", "error", "since", "until"),
)


def filter_of(given: Mapping[str, Any]) -> DeliveryFilter:
    """Return the filter in a query or body."""
    return DeliveryFilter(
        webhook=text_of(given, "webhook"),
        state=one_of(DeliveryState, given, "state"),
        source=text_of(given, "source"),
        change=one_of(ChangeKind, given, "change"),
        error=_error(text_of(given, "error")),
        object=text_of(given, "object"),
        record_id=text_of(given, "record_id"),
        since=time_of(given, "since"),
        until=time_of(given, "until"),
    )


def selection_of(given: Mapping[str, Any]) -> Selection:
    """Return which deliveries to change: by `ids`, or by a filter; one of them must be there."""
    ids = given.get("ids")
    wanted = filter_of(given)
    upto = number_of(given, "upto")
    if ids is None:
        if wanted == DeliveryFilter():
            raise BadQuestionError("say which deliveries: ids, or at least one filter")
        return Selection(wanted, upto=upto)
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise BadQuestionError("ids must be a list of texts that is not empty")
    if len(ids) > MOST_IDS:
        raise BadQuestionError(f"at most {MOST_IDS} ids at once; use a filter")
    if wanted != DeliveryFilter():
        raise BadQuestionError("ids and a filter do not go together")
    return Selection(wanted, tuple(map(plain, ids)), upto=upto)


def group_state(given: Mapping[str, Any]) -> DeliveryState | None:
    """Return the state whose deliveries are grouped; None stands for each that can be."""
    state = one_of(DeliveryState, given, "state")
    if state not in (None, *GROUPED):
        raise BadQuestionError(f"state must be one of {', '.join(GROUPED)}")
    return state


def span_of(given: Mapping[str, Any]) -> tuple[int, timedelta | None]:
    """Return for how many minutes activity is told, and its step; None for the usual one."""
    minutes = whole_of(given, "minutes", min(STEPS), 0, max(STEPS))
    if minutes not in STEPS:
        raise BadQuestionError(f"minutes must be one of {', '.join(map(str, STEPS))}")
    if "step" not in given:
        return minutes, None
    step, usual = whole_of(given, "step", 0, 0, LONGEST_STEP), STEPS[minutes].total_seconds()
    # A chart of very many steps is none.
    allowed = [one for one in ALLOWED_STEPS if usual <= one <= minutes * 60]
    if step not in allowed:
        raise BadQuestionError(f"step must be one of {', '.join(map(str, allowed))} seconds")
    return minutes, timedelta(seconds=step)


def _error(text: str | None) -> str | None:
    if text is not None:
        try:
            failure_causes.require_shape(text)
        except ValueError as error:
            raise BadQuestionError(f"error must be {error}") from None
    return text
