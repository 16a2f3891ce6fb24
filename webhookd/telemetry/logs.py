"""Where log lines go and what they look like; no secret gets past this module."""

from __future__ import annotations

import itertools
import json
import logging
import sys
import traceback
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

import structlog

from webhookd import systemd
from webhookd.model import SHORTEST_SOUGHT
from webhookd.telemetry import attempt_line, console_lines
from webhookd.telemetry.gathered_stderr import STDERR
from webhookd.utf8_mode import takes_all

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from webhookd.model import Settlement

LogFormat: TypeAlias = Literal["auto", "json", "console"]

log: structlog.stdlib.BoundLogger = structlog.get_logger("webhookd")


def _as_is(text: str) -> str:
    return text


_redact: Callable[[str], str] = _as_is
_redact_again: Callable[[str], str] = _as_is

REMEMBERED, SHORT = 1024, 100
"""So many texts of at most this length are not looked through a second time."""


OWN = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "delivery_id",
        "superseded",
        "webhook",
        "source",
        "object",
        "config_hash",
        "outcome",
        "change",
        "doing",
        "then",
        "version",
    }
)
"""Keys whose values the daemon makes itself, or takes from the configuration's own names.

No secret is sought there: one that is the word `info` would make each line another one. Times
(`…_at`) are not searched either.
"""

RECORD_IDS = frozenset({"record_id", "record_ids"})
"""Keys of records' ids: one that is as short as a secret that is no more than a word is shown."""

_PLAIN = (int, float, type(None))
"""Values that hold no secret."""

UNSHOWN = "[not shown: looking for secrets failed]"


def redact_with(redact: Callable[[str], str]) -> None:
    """Let every text of every later event pass *redact*."""
    global _redact, _redact_again
    # Most texts of a line (levels, events, names) were in the line before.
    _redact, _redact_again = redact, lru_cache(REMEMBERED)(redact)


def redacted(text: str) -> str:
    """Return *text* as an event would show it."""
    return _redact(text)


def write_plainly(event: str, **facts: str) -> None:
    """Write a line past all that makes lines, when that is what broke; *facts* hold no secret."""
    line = _json_for(sys.stderr)({**facts, "event": event, "level": "error"})
    STDERR.write((systemd.with_priority(line, "error") if systemd.is_journal() else line) + "\n")


_one_in = 1
_successes = itertools.count(1)


def sample_successes(one_in: int) -> None:
    """Log one delivered attempt in *one_in*; 0 logs none."""
    global _one_in  # noqa: PLW0603 - one process, one log
    _one_in = one_in


def is_success_logged() -> bool:
    """Return whether the delivered attempt at hand is one of those that are logged."""
    return _one_in > 0 and next(_successes) % _one_in == 0


_make_line: Callable[[Settlement, str], str] | None = None
"""Makes the line of a delivered attempt, where that is JSON and its level is written."""


def write_delivered(settlement: Settlement) -> bool:
    """Write the line of a delivered attempt the short way; False: it is to be written as others.

    It is the same line. Called on the event loop.
    """
    if _make_line is None:
        return False
    STDERR.gather(_make_line(settlement, _shown_ids(settlement.delivery.record_id)))
    return True


def configure(log_format: LogFormat, level: str) -> None:
    """Send every log line of the process to stderr, as JSON or for people."""
    global _make_line  # noqa: PLW0603 - one process, one log
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_json:
        renderer: Any = structlog.processors.JSONRenderer(serializer=_json_for(sys.stderr))
    else:
        renderer = console_lines.render
    if systemd.is_journal():
        renderer = _with_priority(renderer)
    stderr: Any = STDERR
    number = logging.getLevelNamesMapping()[level.upper()]
    _make_line = None
    if as_json and number <= logging.INFO:
        prefix = f"<{systemd.PRIORITIES['info']}>" if systemd.is_journal() else ""
        _make_line = attempt_line.maker(prefix, is_ascii=not takes_all(sys.stderr))
    structlog.configure(
        processors=[*shared, _redact_event, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stderr),
        cache_logger_on_first_use=True,
    )
    # What it remembers from the configuration before, if there was one.
    vars(log).pop("bind", None)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _redact_foreign],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    library = logging.StreamHandler(stderr)
    library.setFormatter(formatter)
    logging.basicConfig(handlers=[library], level=logging.WARNING, force=True)


def _json_for(stream: TextIO) -> Callable[..., str]:
    """Return what makes a line of an event for *stream*."""
    # One encoder for all lines. What the stream cannot encode it escapes in a way of its own, which
    # is not JSON's; so JSON's escapes are taken for such a stream.
    encoder = json.JSONEncoder(ensure_ascii=not takes_all(stream), default=repr)
    return lambda event, **_: encoder.encode(event)


def _with_priority(renderer: Any) -> Any:
    def render(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        level = str(event.get("level", "error"))
        return systemd.with_priority(renderer(logger, method, event), level)

    return render


def _redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        # Every value of every line comes by here, so that the common ones come first.
        if key in OWN or key.endswith("_at"):
            continue
        if isinstance(value, str | list | tuple):
            event[key] = _shown_ids(value) if key in RECORD_IDS else _shown(value)
        elif not isinstance(value, _PLAIN):
            event[key] = _shown(value)
    return event


def _redact_foreign(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Redact a line of a library: its event is a text like any other, and so is what it caught."""
    event["event"] = _shown(str(event["event"]))
    raised = event.pop("exc_info", None)
    if isinstance(raised, tuple) and raised[1] is not None:
        event["stack"] = "".join(traceback.format_exception(raised[1]))
    return _redact_event(_logger, _method, event)


def _shown(value: Any) -> Any:
    try:
        if isinstance(value, str):
            return _redact_again(value) if len(value) <= SHORT else _redact(value)
        return _redact_value(value)
    except Exception:  # noqa: BLE001 - a line without its text is better than none, or than a secret
        return UNSHOWN


def _shown_ids(value: str | list[Any] | tuple[Any, ...]) -> Any:
    if isinstance(value, str):
        return value if len(value) < SHORTEST_SOUGHT else _shown(value)
    return [_shown_ids(one) for one in value]


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return _redact(value)
    if isinstance(value, list | tuple):
        return [_redact_value(one) for one in value]
    if isinstance(value, dict):
        return {_redact_value(key): _redact_value(one) for key, one in value.items()}
    # Of anything else the encoder would show what it looks like.
    return value if isinstance(value, _PLAIN) else _redact(repr(value))
