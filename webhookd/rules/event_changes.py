"""An own event as the change that webhooks see: the creation of a record of the type `events`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from webhookd.definitions.event_kinds import EVENT_KINDS, OBJECT, TIMES
from webhookd.model import Change, ChangeKind
from webhookd.rules.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.model import JsonText, OwnEvent
    from webhookd.model.own_event import Fact

AS_THEY_ARE: Final = frozenset(
    {"webhook", "source", "delivery_id", "config_hash", "version", "died_on"}
)
"""Facts that are names or ids of webhookd: no secret, whatever the secrets are."""


def change_of(
    event: OwnEvent,
    *,
    source: str,
    record_id: str,
    host: str,
    redact: Callable[[str], str],
    count: int = 1,
    first_at: datetime | None = None,
) -> Change:
    """Return *event* as a change that *source* saw under *record_id*, at *host*.

    It stands for *count* events, the first of which was *first_at*. *redact* takes secrets out of
    what may quote one.
    """
    properties = {
        "event": _json(event.name),
        "at": _json(timestamp(event.at)),
        "host": _json(host),
        "severity": _json(EVENT_KINDS[event.name].severity),
        "count": _json(count),
        "first_at": _json(timestamp(first_at or event.at)),
    }
    for name, fact in event.facts.items():
        if fact is not None:
            properties[name] = _json(fact if name in AS_THEY_ARE else _redacted(fact, redact))
    return Change(
        kind=ChangeKind.CREATED,
        source=source,
        object=OBJECT,
        record_id=record_id,
        properties=properties,
        previous=None,
        occurred_at=event.at,
        instants=TIMES,
    )


def _redacted(fact: Fact, redact: Callable[[str], str]) -> Fact:
    if isinstance(fact, str):
        return redact(fact)
    if isinstance(fact, tuple):
        return tuple(redact(one) for one in fact)
    return fact


def _json(value: Fact) -> JsonText:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
