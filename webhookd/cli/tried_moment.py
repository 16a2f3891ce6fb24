"""When a webhook with a timer would look at the record that it is tried with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.definitions import durations
from webhookd.errors import printable
from webhookd.model import text_of
from webhookd.rules.moments import candidates
from webhookd.rules.time_forms import instant, moment
from webhookd.views.json_writer import instant as written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from webhookd.definitions import Webhook
    from webhookd.model import Change


def moment_lines(webhook: Webhook, change: Change, now: datetime) -> Iterator[str]:
    """Yield when *webhook* would look at the record of *change*; nothing without a timer."""
    at, wait = webhook.trigger.at, webhook.trigger.wait
    if wait is not None:
        length = durations.written(wait.length)
        yield f"{webhook.name} waits {length} after the {wait.since} change"
    if at is None:
        return
    value = change.properties.get(at.property)
    wanted = candidates(at, value, moment(now))
    following = next((one for one in wanted if one >= moment(now)), None)
    if following is not None:
        yield f"{webhook.name} looks at the record {_written(following)}"
    elif wanted:
        late = durations.written(at.late)
        yield f"{webhook.name} looked at the record {_written(wanted[-1])}, or does within {late}"
    else:
        shown = "nothing" if value is None else repr(printable(text_of(value)))
        yield f"{webhook.name} never looks at the record: {at.property} is {shown}, no date"


def _written(at: int) -> str:
    found = instant(at)
    return "" if found is None else written(found)
