"""One step of a timer, in one transaction: moments that have come, or records to be planned.

Everything here runs on the writer's thread, in a unit of `ClaimedWriter`. What a step does stands
in the database with what it leads to, so that a crash neither loses a moment nor has one come about
twice. In a fleet the daemon has the timer's lock, which each step acquires again: with a lost
session another daemon may have it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from webhookd.delivery.caused_events import NOTHING_CAUSED
from webhookd.intake.decision import Decision, decide, store
from webhookd.intake.moments.planning import Plans
from webhookd.model import Change, ChangeKind
from webhookd.rules import waits
from webhookd.rules.moments import candidates, chosen, rule_text
from webhookd.rules.time_forms import MICROSECOND
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.fleet.exclusive import firing
from webhookd.storage.moments import stored_moments, stored_waits, timer_rows
from webhookd.storage.records.known_records import find_known, known_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from webhookd.definitions import At, Webhook
    from webhookd.delivery.caused_events import Caused, CausedEvents
    from webhookd.delivery.claims import TransactionClaims
    from webhookd.model import Delivery, KnownRecord
    from webhookd.rules.conditions import Incomparable
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.moments.stored_moments import DueMoment
    from webhookd.storage.moments.timer_rows import Timer

AT_ONCE: Final = 100
"""Moments that come about in one transaction: some tens of milliseconds of the writer's time."""

PLANNED_AT_ONCE: Final = 1000
"""Known records that are planned in one transaction; few of their moments are new."""


@dataclass(slots=True)
class Step:
    """What a step did.

    *is_elsewhere*: another daemon does it. *has_more*: another step would find something to do at
    once; else *next_at* is the next moment. *outcomes* counts what came of moments, *lags* are the
    seconds by which those that came about were late. *stored* are the deliveries to be offered.
    """

    is_elsewhere: bool = False
    has_more: bool = False
    next_at: datetime | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    records: int = 0
    planned: int = 0
    is_planned: bool = False
    stored: Sequence[Delivery] = ()
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)
    undated: set[tuple[str, str]] = field(default_factory=set)
    incomparable: dict[tuple[str, str], Incomparable] = field(default_factory=dict)
    caused: Caused = NOTHING_CAUSED
    told: Any = None

    def to_offer(self) -> Sequence[Delivery]:
        """Return what was stored, with what it caused; once it is committed, on the event loop."""
        return [*self.stored, *self.caused.committed(self.told)]


class MomentStep:
    """Takes steps of timers.

    *new_id* makes ids of deliveries, *events* the own events for those that cannot be attempted.
    """

    def __init__(self, *, new_id: Callable[[datetime], str], events: CausedEvents) -> None:
        self._new_id = new_id
        self._events = events

    def take(
        self, webhook: Webhook, now: datetime, connection: Connection, claims: TransactionClaims
    ) -> Step:
        """Take one step of the timer of *webhook*."""
        timer = timer_rows.of_webhook(connection, webhook.name)
        if timer is None:
            return Step()
        # Behind a reload's transaction *webhook* may be that of before: here for a moment, at
        # another daemon of the fleet for long. Whoever has the rule of the row takes the step.
        if not _is_of(timer, webhook) or not connection.session.acquire(firing(webhook.name)):
            return Step(is_elsewhere=True)
        # With the lock: another daemon may have gone on in between.
        timer = timer_rows.of_webhook(connection, webhook.name) or timer
        step = Step()
        come = stored_moments.due(connection, timer, now, AT_ONCE)
        if come:
            self._bring_about(webhook, timer, come, now, step, connection, claims)
        step.has_more = len(come) == AT_ONCE or timer.place is not None
        if not come and timer.place is not None and webhook.trigger.at is not None:
            _plan_known(timer, webhook.trigger.at, timer.place, now, step, connection)
        if not step.has_more:
            step.next_at = stored_moments.earliest(connection, timer)
        return step

    def _bring_about(
        self,
        webhook: Webhook,
        timer: Timer,
        come: Sequence[DueMoment],
        now: datetime,
        step: Step,
        connection: Connection,
        claims: TransactionClaims,
    ) -> None:
        ids = [one.record_id for one in come]
        known = find_known(connection, timer.source, timer.object, ids)
        due = _Come(webhook, timer, come, known, now, step)
        if webhook.trigger.at is not None:
            self._dates(due, webhook.trigger.at, connection)
        else:
            self._waits(due, connection)
        decision = due.decision
        step.stored = store(connection, decision, claims)
        step.outcomes["fired"] += len(step.stored) + len(decision.broken)
        # A step has a record once, so that none of its deliveries takes the place of another.
        step.outcomes["enrolled_before"] += len(decision.deliveries) - len(step.stored)
        step.incomparable = decision.incomparable
        step.caused = self._events.together(self._events.of_unattempted(decision.broken))
        step.told = step.caused.store(connection, claims)

    def _dates(self, due: _Come, at: At, connection: Connection) -> None:
        """Decide on dates that have come. What they were planned for is looked at once more."""
        now, since = to_micros(due.now), to_micros(due.timer.since)
        late = at.late // MICROSECOND
        told: list[tuple[DueMoment, int | None]] = []
        others: list[tuple[DueMoment, int | None]] = []
        for one in due.come:
            record = due.known.get(one.record_id)
            if record is None or record.deleted:
                told.append((one, None))
                due.step.outcomes["deleted"] += 1
                continue
            wanted = candidates(at, record.properties.get(at.property), now)
            # What was told in a future that a wrong clock made was not in the way of planning this.
            before = one.told if one.told is not None and one.told < one.at else None
            meant = chosen(wanted, at=at, told=before, since=since, now=now)
            if meant != one.at:
                # Of an older rule, or past by more than it may be.
                others.append((one, meant))
                due.step.outcomes["late"] += one.at < now - late
                continue
            change = due_change(due.webhook, one.record_id, record, from_micros(one.at))
            self._decide(due, due.webhook, one, change)
            told.append((one, chosen(wanted, at=at, told=one.at, since=since, now=now)))
        # Rule 1: that a moment came about is committed with what it led to.
        stored_moments.settle(connection, due.timer, told, are_told=True)
        stored_moments.settle(connection, due.timer, others, are_told=False)

    def _waits(self, due: _Come, connection: Connection) -> None:
        """Decide on records whose wait is over, as they are now."""
        ids = [one.record_id for one in due.come]
        waiting = stored_waits.of_records(connection, due.timer, ids)
        webhook = due.webhook
        at_the_end = replace(webhook, trigger=waits.trigger_at_the_end(webhook.trigger))
        for one in due.come:
            change = waits.ended(
                waiting[one.record_id],
                due.known.get(one.record_id),
                source=webhook.source,
                object_=webhook.object,
                record_id=one.record_id,
            )
            if change is None:
                due.step.outcomes["deleted"] += 1
            else:
                self._decide(due, at_the_end, one, change)
        # Rule 1: that the waits are over is committed with what they led to.
        stored_waits.end(connection, due.timer, {one.record_id: one.at for one in due.come})

    def _decide(self, due: _Come, webhook: Webhook, one: DueMoment, change: Change) -> None:
        decision = due.decision
        made = len(decision.deliveries) + len(decision.broken)
        decide(webhook, change, self._new_id(due.now), due.now, decision)
        if len(decision.deliveries) + len(decision.broken) == made:
            due.step.outcomes["not_matching"] += 1
        due.step.lags.append((to_micros(due.now) - one.at) / 1_000_000)


def _is_of(timer: Timer, webhook: Webhook) -> bool:
    """Return whether *webhook* is as the timer's row has it; one that lost its wait is, too."""
    at = webhook.trigger.at
    if timer.records != (webhook.source, webhook.object):
        return False
    return timer.kind == "wait" if at is None else timer.rule == rule_text(at)


@dataclass(frozen=True, slots=True)
class _Come:
    """Moments that have come, the records that they are of, and what they lead to."""

    webhook: Webhook
    timer: Timer
    come: Sequence[DueMoment]
    known: Mapping[str, KnownRecord]
    now: datetime
    step: Step
    decision: Decision = field(default_factory=Decision)


def due_change(webhook: Webhook, record_id: str, known: KnownRecord, at: datetime) -> Change:
    """Return that a known record is due: nothing of it has changed."""
    return Change(
        kind=ChangeKind.DUE,
        source=webhook.source,
        object=webhook.object,
        record_id=record_id,
        properties=known.properties,
        previous=known.properties,
        occurred_at=at,
        instants=known.asked.instants if known.asked is not None else frozenset(),
    )


def _plan_known(
    timer: Timer, at: At, place: str, now: datetime, step: Step, connection: Connection
) -> None:
    """Plan the known records behind *place*: a rule that is new, or of other zone rules."""
    plans, now_ = Plans(), to_micros(now)
    found = known_after(
        connection, timer.source, timer.object, after=place, limit=PLANNED_AT_ONCE, is_locked=True
    )
    wanted = {id_: plans.wanted(timer.object, at, known, now_) for id_, known in found}
    planned = stored_moments.plan(connection, timer, at, wanted, now=now)
    is_over = len(found) < PLANNED_AT_ONCE
    # Rule 1: how far it came is committed with what it made.
    timer_rows.set_place(connection, timer.number, None if is_over else found[-1][0])
    step.records, step.planned, step.is_planned = len(found), planned.planned, is_over
    step.unreadable, step.undated = plans.unreadable, plans.undated
