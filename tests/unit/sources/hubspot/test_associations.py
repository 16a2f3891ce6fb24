"""Answers about associations taken apart: each record has what is said of it, or the poll fails."""

import asyncio
import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.definitions import HubspotAssociated
from webhookd.sources.hubspot.carried import blocks
from webhookd.sources.hubspot.carried.associations import Link, Pair
from webhookd.sources.polling.answer_json import decoded
from webhookd.sources.polling.api_client import ApiAnswer
from webhookd.sources.polling.refusals import PollError

NONE = "crm.associations.NO_ASSOCIATIONS_FOUND"
IDS = st.integers(1, 30).map(str)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 30) | st.text(max_size=4) | IDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("from", "to", "id", "toObjectId", "associationTypes", "label", "typeId"),
                    *("category", "subCategory", "context", "fromObjectId", "ids", "paging"),
                    *("next", "after"),
                ]
            ),
            inner | st.sampled_from([NONE, "OBJECT_NOT_FOUND"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


class ScriptedClient:
    """Answers with what a function makes of the inputs, as JSON that was read."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    async def call(self, method, target, body=None):
        self.asked.append((method, target, body))
        status, content = self.answer(body and body["inputs"])
        return ApiAnswer(decoded(json.dumps(content).encode()), None, status=status)


def read(answer, ids, version="2026-03"):
    client = ScriptedClient(answer)
    return asyncio.run(Pair(client, version, "contacts", "companies").read(ids)), client


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("2026-03", "/crm/associations/2026-03/contacts/companies/batch/read"),
        ("v3", "/crm/v4/associations/contacts/companies/batch/read"),
    ],
)
def test_the_path_is_that_of_the_version(version, path):
    _, client = read(lambda _: (200, {"results": []}), ["1"], version)

    assert client.asked == [("POST", path, {"inputs": [{"id": "1"}]})]


@given(
    graph=st.dictionaries(IDS, st.lists(IDS, max_size=7, unique=True), max_size=8),
    gone=st.sets(IDS, max_size=3),
    page=st.integers(1, 3),
    numbers=st.booleans(),
    names_none=st.booleans(),
)
def test_what_is_read_is_what_there_is(graph, gone, page, numbers, names_none):
    """With pages of any size, and with each of the answers that mean that there is none."""

    def answer(inputs):
        results, errors = [], []
        for one in inputs:
            id_, start = one["id"], int(one.get("after", 0))
            others = graph.get(id_, [])
            if id_ in gone:
                errors.append({"category": "OBJECT_NOT_FOUND", "context": {"ids": [id_]}})
            elif others:
                shown = [
                    {"toObjectId": int(other) if numbers else other, "associationTypes": []}
                    for other in others[start : start + page]
                ]
                more = {"paging": {"next": {"after": str(start + page)}}}
                is_last = start + page >= len(others)
                results.append({"from": {"id": id_}, "to": shown} | ({} if is_last else more))
            elif names_none:
                context = {"fromObjectId": [id_]}
                errors.append(
                    {"category": "OBJECT_NOT_FOUND", "subCategory": NONE, "context": context}
                )
        silent = not names_none and any(one["id"] not in gone for one in inputs)
        status = 207 if errors and not silent else 200
        return status, {"results": results, "errors": errors}

    ids = sorted({*graph, *gone, "31"})
    links, _ = read(answer, ids)

    assert {id_: set(found) for id_, found in links.of.items()} == {
        id_: set(others) for id_, others in graph.items() if others and id_ not in gone
    }
    assert links.gone == gone
    assert not links.bad
    assert not links.cut


@given(content=st.dictionaries(st.sampled_from(["results", "errors", "status"]), JSON, max_size=3))
def test_no_answer_breaks_more_than_a_poll(content):
    try:
        links, client = read(lambda _: (207, content), ["1", "2", "3"])
    except PollError:
        return
    assert len(client.asked) <= 20 * 4 + 4
    assert {*links.of, *links.bad, *links.cut} <= {str(one) for one in range(-2, 31)} | {
        *links.gone
    }


def test_a_record_that_is_answered_with_another_id_ended():
    links, _ = read(lambda _: (200, {"results": [{"from": {"id": "9"}, "to": []}]}), ["1"])

    assert links.gone == {"1"}


def test_a_record_of_which_nothing_is_said_fails_the_poll():
    with pytest.raises(PollError):
        read(lambda _: (207, {"results": [], "errors": []}), ["1"])


def test_pages_without_an_end_are_cut():
    numbers = count()

    def answer(_):
        after = str(next(numbers))
        one = {"from": {"id": "1"}, "to": [], "paging": {"next": {"after": after}}}
        return 200, {"results": [one]}

    links, client = read(answer, ["1"])

    assert links.cut == {"1"}
    assert len(client.asked) == 20


@given(
    links=st.lists(
        st.builds(
            Link,
            IDS,
            st.frozensets(st.sampled_from(["Boss", "Primary"]), max_size=2),
            st.frozensets(st.integers(1, 3), max_size=2),
            st.booleans(),
        ),
        unique_by=lambda one: one.id,
    ),
    label=st.sampled_from([None, "primary", "Boss"]),
)
def test_the_order_does_not_depend_on_that_of_the_answer(links, label):
    block = HubspotAssociated("companies", "companies", ("name",), label)

    found = blocks.candidates(block, links)

    assert found == blocks.candidates(block, reversed(links))
    by_id = {one.id: one for one in links}
    places = [(not by_id[id_].is_primary, int(id_)) for id_ in found]
    assert places == sorted(places)
    counting = {
        None: by_id.keys(),
        "primary": {one.id for one in links if one.is_primary},
        "Boss": {one.id for one in links if "Boss" in one.labels},
    }
    assert set(found) == set(counting[label])
