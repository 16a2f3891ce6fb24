"""What is asked of the admin API, checked and turned into values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from webhookd.config.drafts import draft
from webhookd.definitions import durations
from webhookd.intake.backfill import PER_SECOND
from webhookd.model import ChangeKind, DeliveryFilter, DeliveryState
from webhookd.operations.activity_counts import STEPS
from webhookd.operations.trials.samples import Wanted
from webhookd.rules import failure_causes
from webhookd.sources.listed_files import FOLDERS
from webhookd.storage.deliveries.manual import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

LARGEST_BODY = 256 * 1024
LONGEST_TEXT = 2048
MOST_IDS = 1000
MOST_LISTED = 100_000
LARGEST_NUMBER = 2**53
LISTED = 100
CHANGES = 500
MOST_CHANGES = 1000
MOST_CONDITIONS = 100
RECORDS, MOST_RECORDS = 10, 50
LISTED_RECORDS, MOST_LISTED_RECORDS = 100, 1000
FILES, MOST_FILES = 50, 200
FOLDER = "failed"
ALLOWED_STEPS = (60, 600, 3600, 86_400)
LONGEST_STEP = max(ALLOWED_STEPS)
GROUPS, MOST_GROUPS = 50, 200
GROUPED = (DeliveryState.FAILED, DeliveryState.HELD)
LEAST_RATE, MOST_RATE = 0.1, 10_000
LONGEST_DRAFT = draft.LARGEST
"""In characters: one has a byte at least, and `draft.read` counts those."""

Word = TypeVar("Word", bound=StrEnum)

PAGE = ("since", "after", "limit")
FILTER = (
    *("webhook", "state", "source", "object", "record_id", "change", "error", "since", "until"),
)


class BadQuestionError(ValueError):
    """What was asked makes no sense; *status* is the answer's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def body_of(request: Request, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON object in the body, empty where there is no body."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BODY:
            raise BadQuestionError(f"the body is over {LARGEST_BODY} bytes", 413)
    if not content:
        return {}
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise BadQuestionError("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadQuestionError("the body must be a JSON object")
    _refuse_unknown(value, allowed)
    return value


def query_of(request: Request, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Return the query's parameters; each may stand once."""
    pairs = request.query_params.multi_items()
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadQuestionError("a query parameter stands twice")
    found = dict(pairs)
    _refuse_unknown(found, allowed)
    return found


def limit_of(given: Mapping[str, Any], *, normally: int = LISTED, most: int = MOST_LISTED) -> int:
    """Return how many to list at the most."""
    return _whole(given, "limit", normally, 1, most)


def number_of(given: Mapping[str, Any], name: str) -> int | None:
    """Return the number behind or before which a page begins; None where it is left out."""
    return _whole(given, name, 0, 0, LARGEST_NUMBER) if name in given else None


def span_of(given: Mapping[str, Any]) -> tuple[int, timedelta | None]:
    """Return for how many minutes activity is told, and its step; None for the usual one."""
    minutes = _whole(given, "minutes", min(STEPS), 0, max(STEPS))
    if minutes not in STEPS:
        raise BadQuestionError(f"minutes must be one of {', '.join(map(str, STEPS))}")
    if "step" not in given:
        return minutes, None
    step, usual = _whole(given, "step", 0, 0, LONGEST_STEP), STEPS[minutes].total_seconds()
    # A chart of very many steps is none.
    allowed = [one for one in ALLOWED_STEPS if usual <= one <= minutes * 60]
    if step not in allowed:
        raise BadQuestionError(f"step must be one of {', '.join(map(str, allowed))} seconds")
    return minutes, timedelta(seconds=step)


def since_of(given: Mapping[str, Any]) -> datetime:
    """Return the time at which to begin, by default the beginning of all."""
    return _time(given, "since") or datetime.min.replace(tzinfo=UTC)


def filter_of(given: Mapping[str, Any]) -> DeliveryFilter:
    """Return the filter in a query or body."""
    return DeliveryFilter(
        webhook=text_of(given, "webhook"),
        state=_one_of(DeliveryState, given, "state"),
        source=text_of(given, "source"),
        change=_one_of(ChangeKind, given, "change"),
        error=_error(text_of(given, "error")),
        object=text_of(given, "object"),
        record_id=text_of(given, "record_id"),
        since=_time(given, "since"),
        until=_time(given, "until"),
    )


def group_state(given: Mapping[str, Any]) -> DeliveryState | None:
    """Return the state whose deliveries are grouped; None stands for each that can be."""
    state = _one_of(DeliveryState, given, "state")
    if state not in (None, *GROUPED):
        raise BadQuestionError(f"state must be one of {', '.join(GROUPED)}")
    return state


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
    return Selection(wanted, tuple(map(_plain, ids)), upto=upto)


def texts_of(given: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of texts that may be left out; a body's size bounds them."""
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadQuestionError(f"{name} must be a list of texts")
    if len(value) > MOST_CONDITIONS:
        raise BadQuestionError(f"at most {MOST_CONDITIONS} of {name}; one may be a list")
    return value


def rate_of(given: Mapping[str, Any]) -> float:
    """Return how many deliveries a second to make."""
    value = given.get("per_second", PER_SECOND)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not LEAST_RATE <= value <= MOST_RATE:
        raise BadQuestionError(f"per_second must be a number from {LEAST_RATE} to {MOST_RATE}")
    return float(value)


def length_of(given: Mapping[str, Any], name: str) -> timedelta | None:
    """Return the length of time called *name*, written as in a configuration; None without one."""
    text = text_of(given, name)
    if text is None:
        return None
    try:
        return durations.duration(str(text))
    except ValueError as error:
        raise BadQuestionError(f"{name}: {error}") from None


def word_flag_of(given: Mapping[str, Any], name: str) -> bool:
    """Return a true or false of a query, which may be left out."""
    word = text_of(given, name)
    if word not in (None, "true", "false"):
        raise BadQuestionError(f"{name} must be true or false")
    return word == "true"


def refuse_with(given: Mapping[str, Any], names: tuple[str, ...], why: str) -> None:
    """Raise a BadQuestionError where one of *names* was given, which cannot be now."""
    found = [name for name in names if name in given]
    if found:
        raise BadQuestionError(f"{', '.join(found)}: {why}")


def folder_of(given: Mapping[str, Any]) -> str | None:
    """Return a folder of a drop directory, which may be left out."""
    folder = text_of(given, "folder")
    if folder not in (None, *FOLDERS):
        raise BadQuestionError(f"folder must be one of {', '.join(FOLDERS)}")
    return folder


def flag_of(given: Mapping[str, Any], name: str) -> bool:
    """Return a true or false that may be left out."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise BadQuestionError(f"{name} must be true or false")
    return value


def draft_of(given: Mapping[str, Any]) -> str | None:
    """Return the text of a draft, which may be left out."""
    value = given.get("definition")
    if value is None or isinstance(value, str):
        return None if value is None else _plain(value, LONGEST_DRAFT)
    raise BadQuestionError("definition must be text")


def wanted_of(given: Mapping[str, Any]) -> Wanted:
    """Return what a webhook is to be tried with."""
    refuse = "take one of change, and record_id with or without kind"
    if "change" in given:
        refuse_with(given, ("record_id", "kind"), refuse)
    return Wanted(
        text_of(given, "record_id"),
        number_of(given, "change"),
        _one_of(ChangeKind, given, "kind"),
    )


def text_of(given: Mapping[str, Any], name: str) -> str | None:
    """Return a text that may be left out."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadQuestionError(f"{name} must be text")
    return _plain(value)


def texts_that_must_be(given: Mapping[str, Any], *names: str) -> list[str]:
    """Return texts that may not be left out."""
    found = [text_of(given, name) for name in names]
    there = [text for text in found if text is not None]
    if len(there) < len(found):
        *others, last = names
        told = f"{', '.join(others)} and {last}" if others else last
        raise BadQuestionError(f"say which: {told}")
    return there


def _whole(given: Mapping[str, Any], name: str, normally: int, least: int, most: int) -> int:
    text = str(given.get(name, normally))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        raise BadQuestionError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _plain(value: str, longest: int = LONGEST_TEXT) -> str:
    if len(value) > longest:
        raise BadQuestionError(f"a text is over {longest} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadQuestionError("a text is not valid Unicode") from None
    return value


def _one_of(kind: type[Word], given: Mapping[str, Any], name: str) -> Word | None:
    text = text_of(given, name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise BadQuestionError(f"{name} must be one of {', '.join(kind)}") from None


def _error(text: str | None) -> str | None:
    if text is not None:
        try:
            failure_causes.require_shape(text)
        except ValueError as error:
            raise BadQuestionError(f"error must be {error}") from None
    return text


def _time(given: Mapping[str, Any], name: str) -> datetime | None:
    text = text_of(given, name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadQuestionError(f"{name} must be a time such as 2026-03-01T12:00:00Z") from None


def _refuse_unknown(given: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    unknown = sorted(given.keys() - set(allowed))
    if unknown:
        raise BadQuestionError(f"unknown: {', '.join(unknown)[:200]}; known: {', '.join(allowed)}")
