"""What needs a person, worst first, each with one next step. Pure: a status in, sentences out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from webhookd.console import showing
from webhookd.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from webhookd.views.sources import SourceView
    from webhookd.views.status import StatusView
    from webhookd.views.webhooks import WebhookView

OLD_QUEUE: Final = timedelta(minutes=15)
OLD_POLL: Final = timedelta(minutes=15)
LONGEST_REASON: Final = 200

Gravity: TypeAlias = Literal["bad", "warn", "hold"]


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: a link, or a form that leads to a page which asks once more."""

    label: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    acts: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs a person: about what, in a sentence, and the next step."""

    rank: int
    gravity: Gravity
    subject: str
    path: str
    sentence: str
    step: Step


def needs(status: StatusView, now: datetime) -> list[Need]:
    """Return what needs a person, the worst first; what is alike in order of its name."""
    found = [
        *_of_configuration(status, now),
        *_of_fleet(status, now),
        *(need for one in status.webhooks for need in _of_webhook(one, now)),
        *(need for one in status.sources for need in _of_source(one, now)),
    ]
    return sorted(found, key=lambda need: (need.rank, need.subject))


def _of_configuration(status: StatusView, now: datetime) -> Iterator[Need]:
    last = status.last_reload
    if last is None or last.outcome != "rejected":
        return
    more = len(last.problems) - 1
    first = _short(last.problems[0]) if last.problems else "no reason is told"
    also = f" ({more:,} more)" if more > 0 else ""
    yield Need(
        0,
        "bad",
        "configuration",
        "/configuration",
        f"The reload {_ago(last.at, now)} was refused: {first}{also}. The one before is in force.",
        Step("Look at it", "/configuration"),
    )


def _of_fleet(status: StatusView, now: datetime) -> Iterator[Need]:
    for one in status.fleet:
        if one.is_late:
            yield Need(
                2,
                "bad",
                one.host,
                "/",
                f"This daemon of the fleet has not written since {_ago(one.seen_at, now)};"
                " the others take over its deliveries.",
                Step("See the fleet", "/", (("at", "fleet"),)),
            )
    if len({one.config_hash for one in status.fleet}) > 1:
        yield Need(
            3,
            "warn",
            "fleet",
            "/",
            "The daemons have different configurations in force: reload those that are behind.",
            Step("See the fleet", "/", (("at", "fleet"),)),
        )


def _of_webhook(one: WebhookView, now: datetime) -> Iterator[Need]:
    name, page = one.webhook, f"/webhooks/{one.webhook}"
    wait = _wait(one)
    if one.state == "gone":
        yield Need(
            1,
            "bad",
            name,
            page,
            f"The receiver answered 410: it is gone.{wait} New changes go on being stored.",
            Step("Resume…", f"{page}/resume", acts=True),
        )
    elif one.state == "failing":
        since = "" if one.failing_since is None else f" for {_long(now - one.failing_since)}"
        error = f" Latest: {_short(one.last_error)}." if one.last_error else ""
        lost = f" {_given_up(one)}" if one.failed else ""
        at_them = Step("Look at them", "/deliveries", (("webhook", name), ("state", "failed")))
        yield Need(
            4,
            "bad",
            name,
            page,
            f"Nothing was delivered{since}:"
            f" {counted(one.failing_attempts, 'attempt')} failed.{error}{lost}{wait}",
            at_them if one.failed else Step("Open", page),
        )
    elif one.state == "probed":
        since = "" if one.probed_since is None else f" for {_long(now - one.probed_since)}"
        reason = _short(one.probed_reason or one.last_error or "no answer")
        yield Need(
            5,
            "warn",
            name,
            page,
            f"Nobody has answered{since}: {reason}.{wait} One attempt at a time until it is back.",
            Step("Open", page),
        )
    elif one.state == "removed" and one.pending:
        yield Need(
            8,
            "hold",
            name,
            page,
            f"It is not in the configuration any more.{wait} Put it back, or cancel them.",
            Step("Look at them", "/deliveries", (("webhook", name), ("state", "held"))),
        )
    elif one.state == "elsewhere":
        yield Need(
            8,
            "warn",
            name,
            page,
            "Another daemon of the fleet has it in force, and this one does not.",
            Step("Open", page),
        )
    yield from _of_deliveries(one, now, wait)


def _of_deliveries(one: WebhookView, now: datetime, wait: str) -> Iterator[Need]:
    name, page = one.webhook, f"/webhooks/{one.webhook}"
    if one.failed and one.state != "failing":
        error = f" Latest error: {_short(one.last_error)}." if one.last_error else ""
        yield Need(
            6,
            "bad",
            name,
            page,
            f"{_given_up(one)}{error}",
            Step("Look at them", "/deliveries", (("webhook", name), ("state", "failed"))),
        )
    if one.state == "paused":
        yield Need(
            7,
            "hold",
            name,
            page,
            f"Paused: {_short(one.hold or 'no reason is told')}.{wait}",
            Step("Resume…", f"{page}/resume", acts=True),
        )
    oldest = one.oldest_pending_at
    if one.state == "active" and oldest is not None and now - oldest > OLD_QUEUE:
        quiet = one.quiet_until
        asked = (
            f" The receiver asked to be left alone; it is tried again {_ago(quiet, now)}."
            if quiet is not None and quiet > now
            else ""
        )
        yield Need(
            9,
            "warn",
            name,
            page,
            f"{wait.strip(' .')}, the oldest for {_long(now - oldest)}.{asked}",
            Step("Look at them", "/deliveries", (("webhook", name), ("state", "pending"))),
        )
    for note in one.notes:
        yield Need(11, "warn", name, page, f"{_short(note)}.", Step("Open", page))


def _of_source(one: SourceView, now: datetime) -> Iterator[Need]:
    name, page = one.source, f"/sources/{one.source}"
    open_it = Step("Open", page)
    if one.is_disk_low:
        free = showing.size(one.disk_free_bytes or 0)
        told = f"Its disk has only {free} free: no file is taken until there is more room."
        yield Need(2, "bad", name, page, told, open_it)
    if one.files_failed:
        verb = "was" if one.files_failed == 1 else "were"
        why = f" Latest: {_short(one.last_error)}." if one.last_error else ""
        told = f"{counted(one.files_failed, 'file')} {verb} set aside in failed/.{why}"
        yield Need(2, "bad", name, page, told, open_it)
    elif one.last_error is not None:
        at = "" if one.last_error_at is None else f" {_ago(one.last_error_at, now)}"
        told = f"Reading it failed{at}: {_short(one.last_error)}."
        yield Need(2, "bad", name, page, told, open_it)
    for cursor in one.cursors:
        if cursor.missing:
            place = f"{cursor.object}/lists/{cursor.list}" if cursor.list else cursor.object
            known = counted(cursor.known or 0, "member" if cursor.list else "record")
            told = (
                f"{cursor.missing:,} of {known} of {place} are missing in the list, which was set"
                " aside."
            )
            yield Need(2, "bad", name, page, told, open_it)
    for read in one.objects:
        last = read.last_success_at
        if one.last_error is None and last is not None and now - last > OLD_POLL:
            told = f"{read.object} were last read {_ago(last, now)}."
            yield Need(10, "warn", name, page, told, open_it)


def _wait(one: WebhookView) -> str:
    """Return how many deliveries of a webhook wait, as a sentence; nothing where none does."""
    if not one.pending:
        return ""
    return f" {counted(one.pending, 'delivery')} {'waits' if one.pending == 1 else 'wait'}."


def _given_up(one: WebhookView) -> str:
    verb = "was" if one.failed == 1 else "were"
    return f"{counted(one.failed, 'delivery')} {verb} given up, and can be retried."


def _long(time: timedelta) -> str:
    return showing.length(max(time.total_seconds(), 0))


def _short(text: str) -> str:
    return showing.one_line(text, LONGEST_REASON).rstrip(".")


def _ago(at: datetime, now: datetime) -> str:
    return showing.ago(at, now)
