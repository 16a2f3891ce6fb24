"""What HubSpot answers about lists: whatever it is, it is understood or refused, and no bug."""

import asyncio
import json
from contextlib import suppress
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.sources.hubspot.lists import object_types
from webhookd.sources.hubspot.lists.list_api import ListApi
from webhookd.sources.polling.answer_json import decoded
from webhookd.sources.polling.refusals import PollError, Refusal

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
MEMBER = st.fixed_dictionaries({}, optional={"recordId": ANY, "membershipTimestamp": ANY})
OWN = st.fixed_dictionaries(
    {}, optional={"recordId": ANY, "recordListMemberships": ANY | st.lists(MEMBER)}
)
FACTS = st.fixed_dictionaries(
    {}, optional={"objectTypeId": ANY, "processingStatus": ANY, "deletedAt": ANY}
)
NEXT = st.fixed_dictionaries({}, optional={"next": ANY | st.fixed_dictionaries({"after": ANY})})
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "list": ANY | FACTS,
        "results": ANY | st.lists(ANY | MEMBER | OWN, max_size=4),
        "paging": ANY | NEXT,
        "status": ANY,
    },
)


class Scripted:
    """Answers every request with what *answer* makes of it."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    async def call(self, method, target, body=None):
        self.asked.append((method, target, body))
        return SimpleNamespace(content=self.answer(body))


def asked(call, answer, version="2026-03"):
    client = Scripted(
        answer if callable(answer) else lambda _: decoded(json.dumps(answer).encode())
    )
    return asyncio.run(call(ListApi(version, client))), client.asked


CALLS = [
    lambda api: api.facts("1"),
    lambda api: api.members("1", None),
    lambda api: api.joined("1", "x"),
    lambda api: api.of_records("0-1", ["1", "2"]),
]


@pytest.mark.parametrize("call", CALLS)
@given(answer=ANSWERS)
def test_any_answer_is_understood_or_refused(call, answer):
    with suppress(PollError):
        asked(call, answer)


def test_ids_may_be_text_or_numbers_and_only_what_was_asked_for_counts():
    def one(id_, *lists):
        return {"recordId": id_, "recordListMemberships": [{"listId": one} for one in lists]}

    answer = {"status": "COMPLETE", "results": [one("1", 13, "14"), one(2), one("9", 13), {}]}

    found, _ = asked(lambda api: api.of_records("0-1", ["1", "2", "3"]), answer)

    assert found == {"1": {"13", "14"}, "2": frozenset()}


def test_of_an_answer_that_is_not_over_nothing_is_learned():
    answer = {"status": "PENDING", "results": [{"recordId": "1", "recordListMemberships": []}]}

    assert asked(lambda api: api.of_records("0-1", ["1"]), answer)[0] == {}


def test_a_member_that_cannot_be_understood_costs_only_itself():
    rows = [{"recordId": "1", "membershipTimestamp": "x"}, {"recordId": None}, 7, {"recordId": 2}]

    page, _ = asked(lambda api: api.members("1", None), {"results": rows})

    assert page.members == {"1": None, "2": None}
    assert len(page.bad) == 2


@given(most=st.integers(1, 100), count=st.integers(1, 350), bad=st.sets(st.integers(0, 349)))
def test_requests_are_halved_until_they_are_taken_and_one_that_never_is_costs_itself(
    most, count, bad
):
    def answer(body):
        ids = [one["recordId"] for one in body["inputs"]]
        if len(ids) > most or any(int(id_) in bad for id_ in ids):
            raise PollError(Refusal("400", "poll", "400"))
        results = [{"recordId": id_, "recordListMemberships": [{"listId": "1"}]} for id_ in ids]
        return {"status": "COMPLETE", "results": results}

    found, sent = asked(
        lambda api: api.of_records("0-1", [str(number) for number in range(count)]), answer
    )

    assert set(found) == {str(number) for number in range(count) if number not in bad}
    assert all(len(body["inputs"]) <= 100 for _, _, body in sent)


def test_one_record_that_is_refused_does_not_make_later_requests_smaller():
    def answer(body):
        ids = [one["recordId"] for one in body["inputs"]]
        if "7" in ids:
            raise PollError(Refusal("400", "poll", "400"))
        return {"results": []}

    async def twice(api):
        await api.of_records("0-1", [str(number) for number in range(100)])
        await api.of_records("0-1", [str(number) for number in range(100, 200)])

    _, sent = asked(twice, answer)

    assert len(sent[-1][2]["inputs"]) == 100


@pytest.mark.parametrize(
    ("version", "target"),
    [("2026-03", "/crm/lists/2026-03/42/memberships"), ("v3", "/crm/v3/lists/42/memberships")],
)
def test_each_version_has_paths_of_its_own(version, target):
    _, sent = asked(lambda api: api.members("42", "a b"), {"results": []}, version)

    assert sent == [("GET", f"{target}?limit=250&after=a+b", None)]


@pytest.mark.parametrize(
    ("object_", "type_id", "is_one"),
    [
        ("contacts", "0-1", True),
        ("contact", "0-1", True),
        ("contacts", "0-2", False),
        ("0-1", "0-1", True),
        ("0-1", "0-2", False),
        ("2-345", "2-345", True),
        ("2-345", "2-346", False),
        ("p62515_project", "2-345", True),
        ("p62515_project", "0-1", False),
    ],
)
def test_a_list_is_of_the_type_that_the_configuration_names(object_, type_id, is_one):
    assert object_types.is_of(object_, type_id) == is_one
