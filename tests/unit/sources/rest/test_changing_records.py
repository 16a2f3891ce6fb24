"""Whatever changes between two requests, at quiet everything is known: a machine of states."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.fake_api import FakeApi
from tests.rest_in_memory import NEVER, InMemory
from webhookd.definitions import RestDetect, RestObject, RestOne, RestPaging, RestPart

TIES = RestPart(query={"since": "", "at": "${since}", "after": "${after}", "sort": "id"})
QUERIES = {
    "page": {"page": "${page}", "limit": "${limit}"},
    "offset": {"offset": "${offset}", "limit": "${limit}"},
}
WRITES = st.lists(
    st.tuples(
        st.sampled_from(["update", "update", "delete", "create", "batch", "later"]),
        st.integers(0, 10**6),
    ),
    max_size=3,
)


class ReadingByTime(RuleBasedStateMachine):
    """An API that is asked by time, with instants of many pages; no pass over the whole list."""

    @initialize(
        by=st.sampled_from(["page", "offset"]),
        limit=st.integers(2, 5),
        unit=st.sampled_from([1000, 1_000_000, 60_000_000]),
        order=st.sampled_from(["updated,id", "updated,-id"]),
        is_strict=st.booleans(),
        has_ties=st.booleans(),
        sizes=st.lists(st.integers(1, 40), max_size=4),
    )
    def begin(self, by, limit, unit, order, is_strict, has_ties, sizes):
        self.api = FakeApi()
        self.api.unit, self.api.is_strict = unit, is_strict
        for size in sizes:
            self.api.create(size)
            self.api.later(61)
        detect = RestDetect(
            by="time",
            order="modified",
            query={"since": "${since}", "sort": order},
            inclusive=not is_strict,
            ties=TIES if has_ties else None,
        )
        read = RestObject(
            "items",
            records="data",
            paging=RestPaging(by=by, limit=limit, query=QUERIES[by]),
            modified="updated",
            detect=detect,
            one=RestOne("items/${id}", record="data"),
        )
        self.crm = InMemory(self.api, read)

    @rule(size=st.integers(1, 30))
    def create(self, size):
        self.api.create(size)

    @rule(seconds=st.sampled_from([0.001, 0.4, 1, 20, 61, 4000]))
    def time_passes(self, seconds):
        self.api.later(seconds)

    @rule(script=st.lists(WRITES, max_size=30), kill_at=st.sampled_from([NEVER, NEVER, 1, 3, 7]))
    def poll(self, script, kill_at):
        writes = iter(script)

        def between(_request):
            for what, number in next(writes, ()):
                self._write(what, number)

        self.api.between = between
        self.crm.poll(kill_at)
        self.api.between = lambda _: None

    def _write(self, what, number):
        api, ids = self.api, sorted(self.api.records)
        match what:
            case "create":
                api.create(1 + number % 7)
            case "later":
                api.later([0.001, 0.3, 1.1][number % 3])
            case "update" if ids:
                api.update(ids[number % len(ids)], name=f"u{number}")
            case "batch" if ids:
                api.update(*ids[number % len(ids) :][:12], name=f"b{number}")
            case "delete" if ids:
                api.delete(ids[number % len(ids)])

    def teardown(self):
        if not hasattr(self, "crm"):
            return
        self.api.later(61)
        self.crm.poll()
        for _ in range(2):
            self.api.later(61)
            assert self.crm.poll(), "a quiet poll fails"
        there = {id_: self.api.shown(one) for id_, one in self.api.records.items()}
        known = {id_: one for id_, one in self.crm.there.items() if id_ in there}
        assert known == there
        told = self.crm.changes("created")
        assert len(told) == len(set(told))


TestReadingByTime = ReadingByTime.TestCase
TestReadingByTime.settings = settings(
    max_examples=60, stateful_step_count=8, deadline=None, report_multiple_bugs=False
)
