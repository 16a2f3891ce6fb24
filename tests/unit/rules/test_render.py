"""From a change to what is frozen of its request."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.definitions import Body, BodyFormat, ChosenProperty, Request, Webhook
from webhookd.model import Change, ChangeKind, Deletion
from webhookd.rules.render import render
from webhookd.rules.timestamps import timestamp
from webhookd.rules.url_encoding import encode_query, full_url

OCCURRED_AT = datetime(2026, 3, 1, 8, 30, 0, 123999, tzinfo=UTC)
NOW = {"email": '"ada@example.com"', "amount": "1.10", "big": "12345678901234567890", "tags": "[1]"}
BEFORE = {"email": '"old@example.com"', "amount": "1.10", "gone": "true"}
BARE = set(":/?@!$'()*,-._~") | {chr(c) for c in range(128) if chr(c).isalnum()}


def a_change(now=NOW, before=BEFORE, kind=ChangeKind.UPDATED):
    return Change(kind, "crm", "contacts", "7", now, before, OCCURRED_AT)


def chosen(*names):
    return tuple(
        ChosenProperty(*name.split(":")) if ":" in name else ChosenProperty(name, name)
        for name in names
    )


def a_body(properties=None, static=None, *, body_format=BodyFormat.FLAT, previous=False):
    return Body(properties, static or {}, body_format, previous)


def rendered(body=None, *, query=(), static=(), change=None, method="POST"):
    url = "https://example.com/hook"
    request = Request(method, url, body=body, query=query, query_static=static)
    webhook = Webhook("w", "crm", "contacts", request)
    return render(webhook, change or a_change(), delivery_id="0198")


def test_flat_holds_the_chosen_in_their_order_under_their_names_then_the_static():
    body = a_body(chosen("amount", "missing", "email:mail"), {"origin": '"crm"', "n": "1.0"})

    assert rendered(body).body == (
        b'{"amount":1.10,"missing":null,"mail":"ada@example.com","origin":"crm","n":1.0}'
    )


def test_flat_of_all_is_sorted_by_name_and_static_wins():
    body = a_body(None, {"email": '"hidden"'})

    assert rendered(body).body == (
        b'{"amount":1.10,"big":12345678901234567890,"email":"hidden","tags":[1]}'
    )


def test_flat_never_holds_previous_values():
    assert b"revious" not in rendered(a_body(None, previous=True)).body


def test_record_holds_the_envelope_the_properties_and_static_at_the_top():
    body = a_body(chosen("amount:price"), {"origin": '"crm"'}, body_format=BodyFormat.RECORD)

    assert rendered(body).body == (
        b'{"objectId":"7","objectType":"contacts","eventType":"contacts.updated",'
        b'"occurredAt":"2026-03-01T08:30:00.123Z","properties":{"price":1.10},"origin":"crm"}'
    )


def test_standard_webhooks_holds_type_timestamp_and_data_with_static_in_it():
    body = a_body(chosen("amount"), {"o": "1"}, body_format=BodyFormat.STANDARD_WEBHOOKS)

    assert rendered(body).body == (
        b'{"type":"contacts.updated","timestamp":"2026-03-01T08:30:00.123Z",'
        b'"data":{"objectId":"7","objectType":"contacts","properties":{"amount":1.10},"o":1}}'
    )


def test_cloudevents_is_the_structured_form_with_the_deliverys_id():
    body = a_body(chosen("amount"), {"o": "1"}, body_format=BodyFormat.CLOUDEVENTS)

    assert json.loads(rendered(body).body) == {
        "specversion": "1.0",
        "id": "0198",
        "source": "/sources/crm",
        "type": "contacts.updated",
        "time": "2026-03-01T08:30:00.123Z",
        "subject": "7",
        "datacontenttype": "application/json",
        "data": {"objectId": "7", "objectType": "contacts", "properties": {"amount": 1.1}, "o": 1},
    }


@pytest.mark.parametrize("body_format", BodyFormat)
def test_the_content_type_belongs_to_the_format(body_format):
    is_event = body_format is BodyFormat.CLOUDEVENTS
    expected = "application/cloudevents+json" if is_event else "application/json"

    assert rendered(a_body(body_format=body_format)).content_type == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (None, {"big": None, "email": "old@example.com", "gone": True, "tags": None}),
        (chosen("email:mail", "amount", "tags"), {"mail": "old@example.com", "tags": None}),
    ],
)
@pytest.mark.parametrize(
    "body_format", [each for each in BodyFormat if each not in {"flat", "hubspot_legacy"}]
)
def test_previous_holds_the_values_before_of_what_is_sent_and_changed(
    properties, expected, body_format
):
    sent = json.loads(rendered(a_body(properties, body_format=body_format, previous=True)).body)

    assert sent.get("data", sent)["previousProperties"] == expected


def test_previous_of_a_created_record_is_null_throughout():
    body = a_body(None, body_format=BodyFormat.RECORD, previous=True)
    change = a_change({"a": "1"}, None, ChangeKind.CREATED)

    assert json.loads(rendered(body, change=change).body)["previousProperties"] == {"a": None}


def test_a_request_without_a_body_has_neither_body_nor_content_type():
    result = rendered(None, query=chosen("email"), method="GET")

    assert (result.method, result.body, result.content_type) == ("GET", None, None)


def test_a_query_holds_the_chosen_that_are_there_in_their_order():
    now = {"name": '"Ada & Søn"', "empty": '""', "amount": "1.10", "address": '{"a":[1,2]}'}
    query = chosen("address:to", "missing", "name", "empty", "amount:value")

    assert rendered(query=query, change=a_change(now)).query == (
        "to=%7B%22a%22:%5B1,2%5D%7D&name=Ada%20%26%20S%C3%B8n&empty=&value=1.10"
    )


def test_a_query_has_the_fixed_parameters_last_and_stands_beside_a_body():
    static = (("origin", "crm & co"), ("empty", ""))

    result = rendered(a_body(chosen("email")), query=chosen("amount:value"), static=static)

    assert result.query == "value=1.10&origin=crm%20%26%20co&empty="
    assert result.body == b'{"email":"ada@example.com"}'
    assert rendered(static=static, method="GET").query == "origin=crm%20%26%20co&empty="


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


TEXTS = st.text(st.characters(codec="utf-8"))


@given(st.lists(st.tuples(TEXTS, TEXTS)))
def test_a_query_reads_back_and_leaves_only_the_allowed_characters_bare(pairs):
    query = encode_query(pairs)

    assert parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)) == pairs
    assert set(query) <= BARE | set("%&=")
    for bare in set(":/?@!$'()*,~"):
        assert encode_query([(bare, bare)]) == f"{bare}={bare}"


@given(
    st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.booleans(), st.lists(TEXTS))),
    # The other one, whose values are all texts, is for test_hubspot_legacy.
    st.sampled_from([each for each in BodyFormat if each is not BodyFormat.HUBSPOT_LEGACY]),
    TEXTS,
)
def test_every_body_is_json_in_utf_8_without_escapes_and_says_what_the_record_says(
    values, body_format, record_id
):
    now = {name: compact(value) for name, value in values.items()}
    change = Change(ChangeKind.CREATED, "crm", "contacts", record_id, now, None, OCCURRED_AT)

    text = rendered(a_body(body_format=body_format), change=change).body.decode()

    sent = json.loads(text)
    inner = sent.get("data", sent) if body_format.endswith("s") else sent
    assert (sent if body_format is BodyFormat.FLAT else inner["properties"]) == values
    assert text == compact(sent)


def test_a_lone_surrogate_stays_an_escape_in_a_body_and_is_replaced_in_a_query():
    now = {"a": '"\ud800"', "b": '"\\ud800"', "\udfff": "1"}

    result = rendered(a_body(), query=chosen("a", "b"), change=a_change(now))

    assert result.body == b'{"a":"\\ud800","b":"\\ud800","\\udfff":1}'
    assert result.query == "a=%EF%BF%BD&b=%EF%BF%BD"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000Z"),
        (datetime(26, 1, 1, tzinfo=UTC), "0026-01-01T00:00:00.000Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999Z"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2025-12-31T23:00:00.000Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_milliseconds(at, expected):
    assert timestamp(at) == expected


@pytest.mark.parametrize(
    ("url", "query", "key", "expected"),
    [
        ("https://e.com/a", "", "", "https://e.com/a"),
        ("https://e.com/a", "x=1", "", "https://e.com/a?x=1"),
        ("https://e.com/a?", "x=1", "", "https://e.com/a?x=1"),
        ("https://e.com/a?", "", "", "https://e.com/a?"),
        ("https://e.com/a?b=%3a+c", "x=1", "", "https://e.com/a?b=%3a+c&x=1"),
        ("https://e.com/a?b&", "x=1", "", "https://e.com/a?b&x=1"),
        ("https://e.com/a?b", "x=1", "k=s%26%3D", "https://e.com/a?b&x=1&k=s%26%3D"),
        ("https://e.com/a", "", "k=v", "https://e.com/a?k=v"),
        ("https://e.com/a#top", "x=1", "", "https://e.com/a?x=1"),
        ("https://e.com/a?b=1#top?c", "x=1", "", "https://e.com/a?b=1&x=1"),
        ("https://e.com", "x=1", "", "https://e.com/?x=1"),
        ("https://e.com?b", "", "", "https://e.com/?b"),
        ("https://e.com#f", "", "", "https://e.com/"),
    ],
)
def test_the_full_url_is_the_own_query_then_the_records_then_the_key(url, query, key, expected):
    assert full_url(url, query, key) == expected
    assert urlsplit(expected).fragment == ""


@pytest.mark.parametrize(
    ("deletion", "told"),
    [(Deletion("merged", "9"), "9"), (Deletion("archived"), None), (Deletion("gone"), None)],
)
def test_a_record_that_was_merged_says_into_which_at_the_top_of_record_and_nowhere_else(
    deletion, told
):
    change = replace(a_change(kind=ChangeKind.DELETED), deletion=deletion)

    bodies = {
        form: json.loads(rendered(a_body(body_format=form), change=change).body)
        for form in BodyFormat
    }

    assert bodies[BodyFormat.RECORD].get("mergedInto") == told
    others = [one for form, one in bodies.items() if form is not BodyFormat.RECORD]
    assert "mergedInto" not in json.dumps(others)
