"""Values of each kind that a query or a body of the admin API may hold, checked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from webhookd.definitions import durations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from starlette.requests import Request

LARGEST_BODY = 256 * 1024
LONGEST_TEXT = 2048
LARGEST_NUMBER = 2**53
LISTED, MOST_LISTED = 100, 100_000
MOST_CONDITIONS = 100

Word = TypeVar("Word", bound=StrEnum)


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
    return whole_of(given, "limit", normally, 1, most)


def number_of(given: Mapping[str, Any], name: str) -> int | None:
    """Return the number behind or before which a page begins; None where it is left out."""
    return whole_of(given, name, 0, 0, LARGEST_NUMBER) if name in given else None


def text_of(given: Mapping[str, Any], name: str) -> str | None:
    """Return a text that may be left out."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadQuestionError(f"{name} must be text")
    return plain(value)


def texts_that_must_be(given: Mapping[str, Any], *names: str) -> list[str]:
    """Return texts that may not be left out."""
    found = [text_of(given, name) for name in names]
    there = [text for text in found if text is not None]
    if len(there) < len(found):
        *others, last = names
        told = f"{', '.join(others)} and {last}" if others else last
        raise BadQuestionError(f"say which: {told}")
    return there


def texts_of(given: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of texts that may be left out; a body's size bounds them."""
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadQuestionError(f"{name} must be a list of texts")
    if len(value) > MOST_CONDITIONS:
        raise BadQuestionError(f"at most {MOST_CONDITIONS} of {name}; one may be a list")
    return value


def flag_of(given: Mapping[str, Any], name: str) -> bool:
    """Return a true or false that may be left out."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise BadQuestionError(f"{name} must be true or false")
    return value


def word_flag_of(given: Mapping[str, Any], name: str) -> bool:
    """Return a true or false of a query, which may be left out."""
    word = text_of(given, name)
    if word not in (None, "true", "false"):
        raise BadQuestionError(f"{name} must be true or false")
    return word == "true"


def length_of(given: Mapping[str, Any], name: str) -> timedelta | None:
    """Return the length of time called *name*, written as in a configuration; None without one."""
    text = text_of(given, name)
    if text is None:
        return None
    try:
        return durations.duration(str(text))
    except ValueError as error:
        raise BadQuestionError(f"{name}: {error}") from None


def refuse_with(given: Mapping[str, Any], names: tuple[str, ...], why: str) -> None:
    """Raise a BadQuestionError where one of *names* was given, which cannot be now."""
    found = [name for name in names if name in given]
    if found:
        raise BadQuestionError(f"{', '.join(found)}: {why}")


def whole_of(given: Mapping[str, Any], name: str, normally: int, least: int, most: int) -> int:
    """Return the whole number called *name*; *normally* where it is left out."""
    text = str(given.get(name, normally))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        raise BadQuestionError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def plain(value: str, longest: int = LONGEST_TEXT) -> str:
    """Return *value*, which must be Unicode and not too long."""
    if len(value) > longest:
        raise BadQuestionError(f"a text is over {longest} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadQuestionError("a text is not valid Unicode") from None
    return value


def one_of(kind: type[Word], given: Mapping[str, Any], name: str) -> Word | None:
    """Return the word of *kind* called *name*, which may be left out."""
    text = text_of(given, name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise BadQuestionError(f"{name} must be one of {', '.join(kind)}") from None


def time_of(given: Mapping[str, Any], name: str) -> datetime | None:
    """Return the time called *name*, which may be left out; UTC where it names no zone."""
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
