"""What configurations would have made of changes that are known: counted, webhook by webhook.

A webhook that enrolls once fires here at the first change of a record that matches, unless the
record was enrolled before the changes begin: as if the configuration had been in force since then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from webhookd.rules import trigger, usage
from webhookd.rules.waits import end_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.definitions import Definitions, Trigger, Wait
    from webhookd.model import Change

EXAMPLES: Final = 10


@dataclass(frozen=True, slots=True)
class Listener:
    """What a webhook that is enabled listens for."""

    source: str
    object: str
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class Replayed:
    """A change that is known, and when it was seen.

    *asked* are the properties that its source asked for, None when it gave all it has. *enrolled*
    are the webhooks that had enrolled the record before.
    """

    change: Change
    seen_at: datetime
    asked: frozenset[str] | None = None
    enrolled: frozenset[str] = frozenset()


@dataclass(slots=True)
class Differing:
    """How many changes one configuration takes and the other does not, and some of them."""

    count: int = 0
    examples: list[Replayed] = field(default_factory=list)

    def add(self, replayed: Replayed) -> None:
        """Count a change."""
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(replayed)


@dataclass(slots=True)
class Tally:
    """What would have become of a webhook's changes.

    *changes* are those on its source and object. *fired_before* are those of the configuration
    that is compared with; *enrolled* are matches that made nothing, for the record was enrolled
    before the changes begin. *unasked* counts the changes whose source did not ask for a property
    that the trigger looks at, by property; *unseen* are those of its properties that no change had.
    """

    changes: int = 0
    fired: int = 0
    fired_before: int = 0
    newly: Differing = field(default_factory=Differing)
    no_longer: Differing = field(default_factory=Differing)
    enrolled: int = 0
    unasked: Counter[str] = field(default_factory=Counter)
    unseen: set[str] = field(default_factory=set)


class Replay:
    """Counts what listeners would have made of changes, and what those *before* would have.

    What it remembers does not grow with the changes, but for a few bytes for each record that a
    webhook enrolls once or waits for. Changes within a wait are one; what `while` says at its end
    is not looked at.
    """

    def __init__(
        self, after: Mapping[str, Listener], before: Mapping[str, Listener] | None = None
    ) -> None:
        before = before or {}
        self.changes = 0
        self.first_seen_at: datetime | None = None
        self.tallies = {name: Tally() for name in sorted(after.keys() | before.keys())}
        self._pairs: dict[tuple[str, str], list[_Pair]] = {}
        bit = 1
        for name, tally in self.tallies.items():
            pair = _Pair(name, tally, after.get(name), before.get(name), bit)
            bit <<= 2
            for key in {(one.source, one.object) for one in (pair.after, pair.before) if one}:
                self._pairs.setdefault(key, []).append(pair)
        self._enrolled: dict[tuple[str, str], dict[str, int]] = {}

    def add(self, replayed: Replayed) -> None:
        """Count what would have become of a change; they come in the order they were seen."""
        self.changes += 1
        if self.first_seen_at is None:
            self.first_seen_at = replayed.seen_at
        key = (replayed.change.source, replayed.change.object)
        pairs = self._pairs.get(key, ())
        if not pairs:
            return
        enrolled = self._enrolled.setdefault(key, {})
        for pair in pairs:
            pair.add(replayed, key, enrolled)


@dataclass(slots=True)
class _Pair:
    """A webhook in both configurations. *bit* and the next one say what enrolled a record."""

    name: str
    tally: Tally
    after: Listener | None
    before: Listener | None
    bit: int
    used: frozenset[str] = frozenset()
    is_same: bool = False
    waiting: dict[tuple[int, str], tuple[datetime, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Here, and not at each change: a trigger may be large.
        self.is_same = self.before == self.after
        if self.after is not None:
            self.used = frozenset(usage.of_trigger(self.after.trigger))
            self.tally.unseen = set(self.used)

    def add(self, replayed: Replayed, key: tuple[str, str], enrolled: dict[str, int]) -> None:
        fires = fired = False
        if self.after is not None and (self.after.source, self.after.object) == key:
            self._look(replayed)
            fires = self._fires(self.after.trigger, replayed, enrolled, self.bit, is_counted=True)
        if self.is_same:
            fired = fires
        elif self.before is not None and (self.before.source, self.before.object) == key:
            fired = self._fires(self.before.trigger, replayed, enrolled, self.bit << 1)
        self.tally.fired += fires
        self.tally.fired_before += fired
        if fires and not fired:
            self.tally.newly.add(replayed)
        elif fired and not fires:
            self.tally.no_longer.add(replayed)

    def _fires(
        self,
        wanted: Trigger,
        replayed: Replayed,
        enrolled: dict[str, int],
        bit: int,
        *,
        is_counted: bool = False,
    ) -> bool:
        if not trigger.fires(wanted, replayed.change, replayed.seen_at):
            return False
        if wanted.wait is not None and self._joins(wanted.wait, replayed, bit):
            return False
        if not trigger.is_once(wanted.enroll, replayed.change.kind):
            return True
        if self.name in replayed.enrolled:
            self.tally.enrolled += is_counted
            return False
        bits = enrolled.get(replayed.change.record_id, 0)
        enrolled[replayed.change.record_id] = bits | bit
        return not bits & bit

    def _joins(self, wait: Wait, replayed: Replayed, bit: int) -> bool:
        """Say whether a change joins a wait of its record that is under way, or begins one."""
        key, seen_at = (bit, replayed.change.record_id), replayed.seen_at
        first_at, end = self.waiting.get(key, (seen_at, seen_at))
        joins = seen_at < end
        first_at = first_at if joins else seen_at
        self.waiting[key] = (first_at, end_of(wait, first_at, seen_at))
        return joins

    def _look(self, replayed: Replayed) -> None:
        """Note which of the trigger's properties this change had, and which nobody asked for."""
        change, tally = replayed.change, self.tally
        tally.changes += 1
        if tally.unseen:
            tally.unseen -= change.properties.keys() | (change.previous or {}).keys()
        if replayed.asked is not None:
            tally.unasked.update(self.used - replayed.asked)


def listeners(definitions: Definitions) -> dict[str, Listener]:
    """Return what the webhooks of *plan* that are enabled listen for, by name."""
    return {
        webhook.name: Listener(webhook.source, webhook.object, webhook.trigger)
        for webhook in definitions.webhooks.values()
        if webhook.enabled
    }
