"""Where log lines go and what they look like; no secret gets past this module."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

LogFormat: TypeAlias = Literal["auto", "json", "console"]

log: structlog.stdlib.BoundLogger = structlog.get_logger("webhookd")


def _as_is(text: str) -> str:
    return text


_redact: Callable[[str], str] = _as_is


def redact_with(redact: Callable[[str], str]) -> None:
    """Let every text of every later event pass *redact*."""
    global _redact  # noqa: PLW0603 - one process, one log
    _redact = redact


def configure(log_format: LogFormat, level: str) -> None:
    """Send every log line of the process to stderr, as JSON or for people."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact_event,
    ]
    if as_json:
        renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    library = logging.StreamHandler(sys.stderr)
    library.setFormatter(formatter)
    logging.basicConfig(handlers=[library], level=logging.WARNING, force=True)


def _redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        event[key] = _redact_value(value)
    return event


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return _redact(value)
    if isinstance(value, list | tuple):
        return [_redact_value(one) for one in value]
    return value
