"""What a replay found: as programs read it, and as people do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from webhookd.definitions import Definitions, Enroll, Webhook, durations
from webhookd.errors import counted
from webhookd.rules.literal_secrets import shown_url
from webhookd.rules.replay import Differing, Replay, Tally
from webhookd.storage.records.journal import KEPT_FOR, KEPT_PER_MINUTE, LARGEST
from webhookd.views.json_writer import instant

REASONS = {
    "rate": f"more than {KEPT_PER_MINUTE:,} in a minute",
    "size": f"larger than {LARGEST // 1024} KiB",
    "room": "newer ones took their room",
    "age": "older than what is kept",
}
SHOWN = 3
"""Records of each kind that people are shown."""


def as_object(
    found: Replay,
    left_out: list[dict[str, Any]],
    definitions: Definitions,
    before: Mapping[str, object] | None,
    since: datetime,
) -> dict[str, Any]:
    """Return a replay as JSON values; *before* are the webhooks in force, None where unknown."""
    last = max((one["last_at"] for one in left_out), default=None)
    return {
        "since": instant(since),
        "first_seen_at": None if found.first_seen_at is None else instant(found.first_seen_at),
        "whole_since": instant(since) if last is None else last,
        "changes": found.changes,
        "left_out": left_out,
        "webhooks": [
            _webhook(name, tally, definitions, left_out, before)
            for name, tally in found.tallies.items()
        ],
    }


def _webhook(
    name: str,
    tally: Tally,
    definitions: Definitions,
    left_out: list[dict[str, Any]],
    before: Mapping[str, object] | None,
) -> dict[str, Any]:
    webhook = definitions.webhooks.get(name)
    is_after = webhook is not None and webhook.enabled
    return {
        "webhook": name,
        "source": None if webhook is None else webhook.source,
        "object": None if webhook is None else webhook.object,
        "method": None if webhook is None else webhook.request.method,
        "url": None if webhook is None else shown_url(webhook.request.url),
        "changes": tally.changes,
        "fires": tally.fired if is_after else None,
        "fires_in_force": tally.fired_before if before is not None and name in before else None,
        "is_whole": webhook is None or all(one["source"] != webhook.source for one in left_out),
        "newly": _differing(tally.newly),
        "no_longer": _differing(tally.no_longer),
        "enrolled_before": tally.enrolled,
        "notes": list(_notes(tally, webhook)) if webhook is not None and is_after else [],
    }


def _differing(differing: Differing) -> dict[str, Any]:
    examples = [
        {
            "record_id": one.change.record_id,
            "change": one.change.kind.value,
            "seen_at": instant(one.seen_at),
        }
        for one in differing.examples
    ]
    return {"count": differing.count, "examples": examples}


def _notes(tally: Tally, webhook: Webhook) -> Iterator[str]:
    if webhook.trigger.at is not None:
        yield "is due by a date, and dates are not replayed; webhookd plan counts its moments"
        return
    if webhook.trigger.wait is not None:
        yield "waits: changes within a wait count as one, which fires if `while` holds at its end"
    if tally.changes == 0:
        yield f"no change of {webhook.source}'s {webhook.object} is known since then"
        return
    if webhook.trigger.enroll is Enroll.ONCE:
        before = f"{tally.enrolled:,} more of records enrolled before" if tally.enrolled else ""
        yield "; ".join(filter(None, ("enrolls a record once, and counts it so", before)))
    for name, count in sorted(tally.unasked.items()):
        yield (
            f"{name}: {webhook.source} did not ask for it in {count:,} of"
            f" {tally.changes:,} changes, where it counts as missing"
        )
    for name in sorted(tally.unseen - tally.unasked.keys()):
        yield f"{name}: no change had a property of this name"


def lines(told: Mapping[str, Any], length: timedelta) -> Iterator[str]:
    """Yield what people read of a replay over *length*."""
    first = f", the first at {told['first_seen_at']}" if told["changes"] else ""
    yield f"replay of {counted(told['changes'], 'change')} seen since {told['since']}{first}"
    if length > KEPT_FOR:
        yield f"    changes are kept for {durations.written(KEPT_FOR)} at the most"
    for one in told["left_out"]:
        count = counted(one["count"], "change")
        yield (
            f"    not among them: {count} of {one['source']} ({REASONS[one['reason']]}),"
            f" the last of {one['last_at']}"
        )
    if told["left_out"]:
        yield f"    whole since {told['whole_since']}; before, what is counted is the least"
    for one in told["webhooks"]:
        yield from _webhook_lines(one)


def _webhook_lines(one: Mapping[str, Any]) -> Iterator[str]:
    fires, in_force = one["fires"], one["fires_in_force"]
    request = f" ({one['method']} {one['url']})" if one["method"] else ""
    yield f"{_sign(one)} webhook {one['webhook']}{request}: {_verdict(one, fires, in_force)}"
    yield from _examples("+ newly fires", one["newly"])
    yield from _examples("- no longer fires", one["no_longer"])
    for note in one["notes"]:
        yield f"    {note}"


def _sign(one: Mapping[str, Any]) -> str:
    if one["fires"] is None:
        return "-"
    if one["fires_in_force"] is None:
        return "+"
    return "~" if one["newly"]["count"] or one["no_longer"]["count"] else "="


def _verdict(one: Mapping[str, Any], fires: int | None, in_force: int | None) -> str:
    if fires is None:
        return f"no longer listens; in force it fires {_times(in_force or 0)}"
    least = "" if one["is_whole"] else "at least "
    told = f"would have fired {least}{_times(fires)}"
    if in_force is None:
        return told
    if one["newly"]["count"] or one["no_longer"]["count"]:
        return f"{told}; as it is in force, {_times(in_force)}"
    return f"{told}, as it is in force"


def _examples(title: str, differing: Mapping[str, Any]) -> Iterator[str]:
    if not differing["count"]:
        return
    shown = differing["examples"][:SHOWN]
    told = ", ".join(f"{one['record_id']} ({one['change']} {one['seen_at']})" for one in shown)
    more = differing["count"] - len(shown)
    yield f"    {title}: {told}{f' and {more:,} more' if more else ''}"


def _times(count: int) -> str:
    return counted(count, "time")
