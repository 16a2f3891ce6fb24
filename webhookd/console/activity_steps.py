"""Activity as the daemon tells it, as steps of a chart. Pure but for the asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.client.client_errors import RefusedError
from webhookd.console.charts import Step, Steps
from webhookd.views.activity import ActivityView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhookd.console.daemon_link import DaemonLink

HOUR: Final = 60
DAY: Final = 1440
WEEK: Final = 10_080


async def asked(
    daemon: DaemonLink, minutes: int, webhook: str | None = None
) -> ActivityView | None:
    """Return what attempts came to in the last *minutes*; None of a daemon that does not say."""
    try:
        return await daemon.read(ActivityView, "/v1/activity", minutes=minutes, webhook=webhook)
    except RefusedError:
        return None


def steps_of(found: ActivityView, minutes: int, webhook: str | None = None) -> Steps:
    """Return the steps of one webhook, or of all together."""
    count = max(minutes * 60 // found.step, 1)
    chosen = found.webhooks.values() if webhook is None else [found.webhooks.get(webhook, ())]
    return Steps(found.first, found.step, _added(chosen, count))


def by_webhook(found: ActivityView, minutes: int) -> Mapping[str, Steps]:
    """Return the steps of each webhook that had any attempts."""
    return {name: steps_of(found, minutes, name) for name in found.webhooks}


def _added(many: Iterable[Iterable[tuple[float, ...]]], count: int) -> list[Step]:
    steps = [Step()] * count
    for rows in many:
        for number, delivered, retried, given_up, held, *_ in rows:
            place = int(number)
            if 0 <= place < count:
                steps[place] += Step(int(delivered), int(retried), int(given_up), int(held))
    return steps
