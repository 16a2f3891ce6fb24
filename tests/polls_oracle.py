"""What a reader may tell of an account whose every state was written down."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

GONE = None
"""The state of a record that is archived."""


class Chronicle:
    """Changes an account and writes down each state that a record had, in order.

    *names* are the properties that are read: states that differ in none of them are one.
    """

    def __init__(self, account, object_, names):
        self.account, self.object, self.names = account, object_, names
        self.states = defaultdict(list)
        self.at_start = {}

    def begin(self):
        """Take what is there now as known to the reader."""
        self.at_start = {id_: states[-1] for id_, states in self.states.items()}

    def create(self, properties):
        id_ = self.account.create(self.object, properties)
        self._note(id_)
        return id_

    def change(self, id_, properties):
        self.account.change(self.object, id_, properties)
        self._note(id_)

    def archive(self, id_):
        self.account.archive(self.object, id_)
        self._note(id_)

    def restore(self, id_):
        self.account.restore(self.object, id_)
        self._note(id_)

    def happen(self, chance, count=1):
        """Have *count* things happen by *chance*: records made, changed, archived and restored."""
        for _ in range(count):
            roll, live, gone = chance.random(), self.live(), self.gone()
            if roll < 0.2 or not live:
                self.create({"email": f"{roll}@x", "stage": "lead"})
            elif roll < 0.7:
                self.change(chance.choice(live), {"stage": chance.choice("abc")})
            elif roll < 0.8:
                self.change(chance.choice(live), {"score": str(roll)})
            elif roll < 0.92:
                self.archive(chance.choice(live))
            elif gone:
                self.restore(chance.choice(gone))

    def live(self):
        return [id_ for id_, states in self.states.items() if states[-1] is not GONE]

    def gone(self):
        return [id_ for id_, states in self.states.items() if states[-1] is GONE]

    def _note(self, id_):
        record = self.account.records[self.object][id_]
        state = GONE
        if record.archived_at is None:
            known = record.properties
            state = {name: known[name] for name in self.names if name in known}
        if not self.states[id_] or self.states[id_][-1] != state:
            self.states[id_].append(state)

    def faults(self, told):
        """Return what is wrong with *told*, a list of (id, kind, properties): nothing, if right."""
        by_id = defaultdict(list)
        for id_, kind, properties in told:
            by_id[id_].append(GONE if kind == "deleted" else properties)
        return [
            f"{id_}: {why}"
            for id_ in self.states.keys() | by_id.keys()
            for why in self._faults(id_, by_id[id_])
        ]

    def _faults(self, id_, told):
        states = self.states[id_]
        before = [self.at_start[id_]] if id_ in self.at_start else []
        seen = before + told
        if states and (seen[-1:] or [GONE]) != states[-1:]:
            yield f"missed: it is {states[-1]}, told was {seen}"
        if any(one == other for one, other in pairwise(seen)):
            yield f"told twice: {seen}"
        if any(one not in states for one in told):
            yield f"invented: {told} of {states}"
