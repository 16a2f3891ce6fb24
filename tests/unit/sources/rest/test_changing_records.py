"""Whatever changes between two requests, at quiet everything is known: a machine of states."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.delta_api import DeltaApi
from tests.fake_api import FakeApi
from tests.rest_in_memory import NEVER, InMemory
from webhookd.definitions import (
    RestDeletions,
    RestDetect,
    RestObject,
    RestOne,
    RestPaging,
    RestPart,
)

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


class Changing(RuleBasedStateMachine):
    """An API whose records change between requests, and what reads it."""

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
        self.check({id_: self.api.shown(one) for id_, one in self.api.records.items()})
        for kind in ("created", "deleted"):
            told = self.crm.changes(kind)
            assert len(told) == len(set(told))


class ReadingByTime(Changing):
    """It is asked by time, with instants of many pages; no pass over the whole list."""

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

    def check(self, there):
        assert {id_: one for id_, one in self.crm.there.items() if id_ in there} == there


def test_what_joins_an_instant_of_this_very_moment_is_found():
    """It was read to its end, and lies behind the second that the server's date says."""
    state = ReadingByTime()
    state.begin("page", 2, 1000, "updated,id", is_strict=False, has_ties=False, sizes=[])
    state.create(1)
    state.time_passes(4000.001)
    state.create(2)
    state.poll([], NEVER)
    state.create(1)

    state.teardown()


class ReadingByToken(Changing):
    """It gives tokens, which expire now and then."""

    @initialize(
        limit=st.integers(2, 5),
        token_of=st.sampled_from(["first_page", "last_page"]),
        has_one=st.booleans(),
        size=st.integers(0, 40),
    )
    def begin(self, limit, token_of, has_one, size):
        self.api = DeltaApi()
        self.api.create(size)
        # A last page's token must be as old as the first page.
        self.api.is_on_last = token_of == "last_page"
        read = RestObject(
            "items",
            records="data",
            paging=RestPaging(by="link", next="next", limit=limit, query={"limit": "${limit}"}),
            modified="updated",
            deleted="gone",
            detect=RestDetect(
                by="token", next="delta", token_of=token_of, query={"token": "${token}"}
            ),
            one=RestOne("items/${id}", record="data") if has_one else None,
            deletions=RestDeletions("flag"),
        )
        self.crm = InMemory(self.api, read)

    @rule()
    def expire(self):
        self.api.oldest = self.api.version = self.api.version + 1

    def check(self, there):
        aside = (self.crm.cursor or {}).get("set_aside")
        if aside is not None:
            self.crm.accept(aside["number"])
            for _ in range(3):
                assert self.crm.poll()
        assert self.crm.there == there


MANY = settings(max_examples=40, stateful_step_count=8, deadline=None, report_multiple_bugs=False)
TestReadingByTime = ReadingByTime.TestCase
TestReadingByTime.settings = MANY
TestReadingByToken = ReadingByToken.TestCase
TestReadingByToken.settings = MANY
