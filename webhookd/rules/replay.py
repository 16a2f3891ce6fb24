"""What configurations would have made of changes that are known: counted, webhook by webhook.

A webhook that enrolls once fires here at the first change of a record that matches, unless the
record was enrolled before the changes begin: as if the configuration had been in force since then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from webhookd.rules import trigger, usage
from webhookd.rules.replayed_waits import ReplayedWaits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from webhookd.definitions import Definitions, Trigger
    from webhookd.model import Change, ChangeKind
    from webhookd.rules.replayed_waits import EndedWait

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


@dataclass(slots=True)
class _Compared:
    """A change, and whether the configurations after and before fire at it.

    None as long as that is decided at the end of a wait that it began. *is_enrolled*: it would
    have fired after, but for a record that was enrolled before the changes begin.
    """

    replayed: Replayed
    verdicts: list[bool | None] = field(default_factory=lambda: [False, False])
    is_enrolled: bool = False

    def slim(self) -> None:
        """Keep for long only what examples are made of."""
        change = replace(self.replayed.change, properties={}, previous=None)
        self.replayed = replace(self.replayed, change=change)


class Replay:
    """Counts what listeners would have made of changes, and what those *before* would have.

    What it remembers does not grow with the changes, but for a few bytes for each record that a
    webhook enrolls once, and for each that waits. Changes within a wait are one: the first, which
    fires if the end of the wait makes a delivery. `finish` ends the waits that are under way.
    """

    def __init__(
        self, after: Mapping[str, Listener], before: Mapping[str, Listener] | None = None
    ) -> None:
        before = before or {}
        self.changes = 0
        self.first_seen_at: datetime | None = None
        self.tallies = {name: Tally() for name in sorted(after.keys() | before.keys())}
        self._enrolled: dict[tuple[str, str], dict[str, int]] = {}
        self._pairs = [
            _Pair(name, tally, after.get(name), before.get(name), 1 << 2 * number, self._enrolled)
            for number, (name, tally) in enumerate(self.tallies.items())
        ]
        self._of_key: dict[tuple[str, str], list[_Pair]] = {}
        for pair in self._pairs:
            for key in {side.key for side in pair.sides}:
                self._of_key.setdefault(key, []).append(pair)

    def add(self, replayed: Replayed) -> None:
        """Count what would have become of a change; they come in the order they were seen."""
        self.changes += 1
        if self.first_seen_at is None:
            self.first_seen_at = replayed.seen_at
        key = (replayed.change.source, replayed.change.object)
        for pair in self._of_key.get(key, ()):
            pair.add(replayed, key)

    def finish(self) -> None:
        """Count the waits that are under way, by what is known of their records now."""
        for pair in self._pairs:
            for side in pair.sides:
                side.finish()


class _Pair:
    """A webhook in both configurations. *bit* and the next one say what enrolled a record."""

    def __init__(
        self,
        name: str,
        tally: Tally,
        after: Listener | None,
        before: Listener | None,
        bit: int,
        enrolled: dict[tuple[str, str], dict[str, int]],
    ) -> None:
        self._tally = tally
        # Compared here, and not at each change: a trigger may be large.
        self._is_same = before == after
        self._used = frozenset() if after is None else frozenset(usage.of_trigger(after.trigger))
        tally.unseen = set(self._used)
        told = (after, None if self._is_same else before)
        self.sides = [
            _Side(name, listener, place, bit << place, enrolled, self._settled)
            for place, listener in enumerate(told)
            if listener is not None
        ]

    def add(self, replayed: Replayed, key: tuple[str, str]) -> None:
        """Count what becomes of a change on the source and object *key*."""
        compared = _Compared(replayed)
        for side in self.sides:
            if side.key != key:
                continue
            if side.is_after:
                self._look(replayed)
            compared.verdicts[side.place] = side.take(replayed, compared)
        if None in compared.verdicts:
            compared.slim()
        else:
            self._settled(compared)

    def _settled(self, compared: _Compared) -> None:
        """Count a change that is decided in both configurations."""
        if None in compared.verdicts:
            return
        fires, fired = compared.verdicts
        if self._is_same:
            fired = fires
        tally = self._tally
        tally.fired += bool(fires)
        tally.fired_before += bool(fired)
        if fires and not fired:
            tally.newly.add(compared.replayed)
        elif fired and not fires:
            tally.no_longer.add(compared.replayed)
        if compared.is_enrolled:
            tally.enrolled += 1

    def _look(self, replayed: Replayed) -> None:
        """Note which of the trigger's properties this change had, and which nobody asked for."""
        change, tally = replayed.change, self._tally
        tally.changes += 1
        if tally.unseen:
            tally.unseen -= change.properties.keys() | (change.previous or {}).keys()
        if replayed.asked is not None:
            tally.unasked.update(self._used - replayed.asked)


class _Side:
    """A webhook in one configuration: the new one in the first *place*, that before in the other.

    *settled* is called with a change whose wait is over.
    """

    def __init__(
        self,
        name: str,
        listener: Listener,
        place: int,
        bit: int,
        enrolled: dict[tuple[str, str], dict[str, int]],
        settled: Callable[[_Compared], None],
    ) -> None:
        self.key = (listener.source, listener.object)
        self.place = place
        self.is_after = place == 0
        self._name = name
        self._trigger = listener.trigger
        self._bit = bit
        self._enrolled = enrolled.setdefault(self.key, {})
        self._settled = settled
        wait = listener.trigger.wait
        self._waits: ReplayedWaits[_Compared] | None = (
            None if wait is None else ReplayedWaits(listener.trigger, wait)
        )

    def take(self, replayed: Replayed, compared: _Compared) -> bool | None:
        """Return whether a change fires; None when it begins a wait, at whose end that is known."""
        change, seen_at = replayed.change, replayed.seen_at
        if self._waits is None:
            fires = trigger.fires(self._trigger, change, seen_at)
            return fires and self._is_told(compared, change.kind)
        self._over(self._waits.ended(change, seen_at))
        fires = trigger.fires(self._trigger, change, seen_at)
        begins = fires and not self._waits.is_under_way(change.record_id)
        self._over(self._waits.follow(change, seen_at, compared, fires=fires))
        return None if begins else False

    def finish(self) -> None:
        """End the waits that are under way."""
        if self._waits is not None:
            self._over(self._waits.end_all())

    def _over(self, ended: Iterable[EndedWait[_Compared]]) -> None:
        for one in ended:
            compared, kind = one.begun_by, one.kind
            compared.verdicts[self.place] = kind is not None and self._is_told(compared, kind)
            self._settled(compared)

    def _is_told(self, compared: _Compared, kind: ChangeKind) -> bool:
        """Return whether a record that matches is told of: not so if it was enrolled before."""
        if not trigger.is_once(self._trigger.enroll, kind):
            return True
        if self._name in compared.replayed.enrolled:
            compared.is_enrolled |= self.is_after
            return False
        record_id = compared.replayed.change.record_id
        bits = self._enrolled.get(record_id, 0)
        self._enrolled[record_id] = bits | self._bit
        return not bits & self._bit


def listeners(definitions: Definitions) -> dict[str, Listener]:
    """Return what the webhooks of *plan* that are enabled listen for, by name."""
    return {
        webhook.name: Listener(webhook.source, webhook.object, webhook.trigger)
        for webhook in definitions.webhooks.values()
        if webhook.enabled
    }
