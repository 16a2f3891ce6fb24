"""Whatever files come, and wherever the daemon dies: the changes are the true ones.

A model in plain dictionaries says what each file leads to. The source itself takes files in
tiny batches, so that even a few rows make many commits to die before or after.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.integration.sources.dropping import Dropping
from webhookd.sources import missing_records
from webhookd.sources.directory import approval, reader
from webhookd.storage.records import snapshots

IDS = st.sampled_from([*"12345", "ø"])
PROPERTIES = st.dictionaries(
    st.sampled_from(["x", "y"]), st.sampled_from(["a", "b", "", None]), max_size=2
)
ROWS = st.lists(st.tuples(IDS, PROPERTIES), max_size=7)
FLAWS = st.none() | st.integers(0, 6)
DEATHS = st.lists(st.integers(1, 40), max_size=2)
MEMORY = Path("/dev/shm")  # noqa: S108 - where it exists, syncing costs nothing


class Died(BaseException):
    """The daemon was killed."""


class Killing:
    """A ledger and a take that die before their step number *last*."""

    def __init__(self, ledger, take, last):
        self._ledger = ledger
        self._take = take
        self._left = last

    def _step(self):
        self._left -= 1
        if self._left <= 0:
            raise Died

    def _around(self, call):
        async def killing(*arguments, **options):
            self._step()
            result = await call(*arguments, **options)
            self._step()
            return result

        return killing

    def __getattr__(self, name):
        return self._around(getattr(self._ledger, name))

    @property
    def take(self):
        return self._around(self._take)


class Model:
    """What is known, and every change that was true, in plain dictionaries."""

    def __init__(self):
        self.known = {}
        self.changes = []

    def see(self, record_id, now):
        before = self.known.get(record_id)
        if now is None:
            if before is not None:
                self.changes.append((record_id, "deleted", before, {}))
            self.known.pop(record_id, None)
            return
        if before is None:
            self.changes.append((record_id, "created", now, dict.fromkeys(now)))
        elif before != now:
            names = [
                name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
            ]
            old = {name: before.get(name) for name in names}
            self.changes.append((record_id, "updated", now, old))
        self.known[record_id] = now

    def take_records(self, rows):
        for record_id, row in rows:
            self.see(record_id, whole(record_id, row))

    def take_partial(self, rows):
        for record_id, row in rows:
            merged = {**self.known.get(record_id, {}), "id": record_id, **row}
            self.see(
                record_id, {name: value for name, value in merged.items() if value is not None}
            )

    def is_set_aside(self, rows, *, is_clear, has_rows):
        missing = len(self.known.keys() - {record_id for record_id, _ in rows})
        known, few = len(self.known), missing_records.FEW_RECORDS
        is_all = missing == known > 0
        return not has_rows or (is_clear and (is_all or (missing > few and 2 * missing > known)))

    def take_snapshot(self, rows, *, is_clear):
        last = {record_id: number for number, (record_id, _) in enumerate(rows)}
        for number, (record_id, row) in enumerate(rows):
            if last[record_id] == number:
                self.see(record_id, whole(record_id, row))
        for record_id in sorted(self.known.keys() - last.keys()) if is_clear else ():
            self.see(record_id, None)


def whole(record_id, row):
    return {"id": record_id} | {name: value for name, value in row.items() if value is not None}


def differ(rows):
    states = {}
    return any(states.setdefault(id_, whole(id_, row)) != whole(id_, row) for id_, row in rows)


class AnySequence(RuleBasedStateMachine):
    """Files of every kind, flaws, deaths and acceptances, in any order."""

    @initialize()
    def begin(self):
        self.patched = pytest.MonkeyPatch()
        for module, name, value in (
            (reader, "_MOST_ROWS", 2),
            (missing_records, "FEW_RECORDS", 1),
            (snapshots, "LOOKED_AT_ONCE", 2),
            (snapshots, "MISSING_AT_ONCE", 1),
            (snapshots, "CLEARED_AT_ONCE", 2),
        ):
            self.patched.setattr(module, name, value)
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.source = Dropping(self.folder)
        self.model = Model()
        self.set_aside = None
        self.serial = 0

    def teardown(self):
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)
            self.patched.undo()

    @rule(rows=ROWS, flaw=FLAWS, deaths=DEATHS)
    def drop_records(self, rows, flaw, deaths):
        """Drop a file of records."""
        self.take(rows, flaw, deaths, content="records", partial=False)
        self.model.take_records(rows)
        self.check_end(is_flawed=flaw is not None)

    @rule(rows=ROWS, flaw=FLAWS, deaths=DEATHS)
    def drop_partial_rows(self, rows, flaw, deaths):
        """Drop a file of partial rows."""
        self.take(rows, flaw, deaths, content="records", partial=True)
        self.model.take_partial(rows)
        self.check_end(is_flawed=flaw is not None)

    @rule(rows=ROWS, flaw=FLAWS, deaths=DEATHS)
    def drop_snapshot(self, rows, flaw, deaths):
        """Drop a snapshot."""
        self.take(rows, flaw, deaths, content="snapshot", partial=False)
        is_clear = flaw is None and not differ(rows)
        has_rows = bool(rows) or flaw is not None
        if self.model.is_set_aside(rows, is_clear=is_clear, has_rows=has_rows):
            self.set_aside = (self.name, rows)
            assert self.source.report(self.name)["accept"]
            return
        self.set_aside = None
        self.model.take_snapshot(rows, is_clear=is_clear)
        self.check_end(is_flawed=not is_clear)

    @precondition(lambda self: self.set_aside is not None)
    @rule(deaths=DEATHS)
    def let_through(self, deaths):
        """Let the snapshot through that was set aside last, unless a newer one was taken."""
        self.name, rows = self.set_aside
        self.set_aside = None
        self.source.settings = replace(self.source.settings, content="snapshot", partial=False)
        last = self.source.query("SELECT last_snapshot FROM sources")[0][0]
        approval.accept(self.source.root / "failed" / self.name, lambda: last)
        self.run(deaths)
        self.model.take_snapshot(rows, is_clear=True)
        self.check_end(is_flawed=False)

    @precondition(lambda self: self.serial)
    @rule(deaths=DEATHS)
    def drop_a_file_that_breaks(self, deaths):
        """Drop a snapshot that is cut off: it takes nothing."""
        self.serial += 1
        self.name = f"{self.serial:03}.json"
        self.source.settings = replace(self.source.settings, content="snapshot", partial=False)
        self.source.drop(self.name, '[{"id": "1", "x": "cut"}, {"id": "2"')
        self.run(deaths)
        self.check_end(is_flawed=True)

    def take(self, rows, flaw, deaths, **changes):
        lines = [json.dumps({"id": record_id, **row}) for record_id, row in rows]
        if flaw is not None:
            lines.insert(min(flaw, len(lines)), "no JSON")
        self.serial += 1
        self.name = f"{self.serial:03}.ndjson"
        self.source.settings = replace(self.source.settings, **changes)
        self.source.drop(self.name, "".join(f"{line}\n" for line in lines))
        self.run(deaths)

    def run(self, deaths):
        for last in deaths:
            try:
                self.source.run(wrap=lambda ledger, take, last=last: killing(ledger, take, last))
            except Died:
                continue
        self.source.run()

    def check_end(self, *, is_flawed):
        assert self.name in self.source.names("failed" if is_flawed else "done")

    @invariant()
    def changes_are_the_true_ones(self):
        """Compare with the model."""
        if not hasattr(self, "source") or not self.serial:
            return
        assert self.source.deliveries() == self.model.changes
        known = self.source.query(
            "SELECT record_id, properties FROM known_records WHERE deleted = 0"
        )
        assert {
            record_id: {name: json.loads(text) for name, text in json.loads(properties).items()}
            for record_id, properties in known
        } == self.model.known
        assert self.source.query("SELECT count(*) FROM snapshot_rows") == [(0,)]


def killing(ledger, take, last):
    killer = Killing(ledger, take, last)
    return killer, killer.take


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(max_examples=15, stateful_step_count=10)
