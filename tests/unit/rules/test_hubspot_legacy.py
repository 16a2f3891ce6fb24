"""HubSpot's legacy shape of a record, read as receivers of its workflow webhooks read it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.definitions import Body, BodyFormat, ChosenProperty, Request, Webhook
from webhookd.model import Change, ChangeKind
from webhookd.rules import hubspot_legacy
from webhookd.rules.render import render

AT = datetime(2026, 3, 1, 8, 30, 0, 123999, tzinfo=UTC)
MILLISECONDS = 1772353800123
NOW = {"email": '"ada@example.com"', "amount": "1.10", "active": "true", "tags": '["a"]'}
CONTACTS = ("contacts", "contact", "Contacts", "0-1")
TEXTS = st.text(st.characters(codec="utf-8"))
VALUES = st.one_of(
    TEXTS, st.integers(), st.booleans(), st.lists(TEXTS), st.dictionaries(TEXTS, TEXTS)
)


def sent(
    chosen: tuple[ChosenProperty, ...] | None = None,
    static: dict[str, str] | None = None,
    **changes: Any,
) -> Any:
    """Return the parsed body of a change; *changes* are what differs of it, and *portal_id*."""
    portal_id = changes.pop("portal_id", None)
    body = Body(chosen, static or {}, BodyFormat.HUBSPOT_LEGACY, False, portal_id)
    facts = {
        "kind": ChangeKind.UPDATED,
        "source": "crm",
        "object": "contacts",
        "record_id": "101",
        "properties": NOW,
        "previous": {},
        "occurred_at": AT,
    }
    change = Change(**{**facts, **changes})
    webhook = Webhook("w", "crm", change.object, Request("POST", "https://e.com/h", body=body))
    result = render(webhook, change, delivery_id="0198")
    assert result.content_type == "application/json"
    assert result.body is not None
    return json.loads(result.body, parse_float=Decimal)


def contact_of(body: Any) -> dict[str, str]:
    """Return the contact as a receiver of a signed workflow webhook reads it, which exists.

    It takes `vid` for the id and asks for `properties.NAME.value`, which has to be text.
    """
    assert body["is-contact"] is True
    assert type(body["vid"]) in {int, str}
    found = {}
    for name, held in body["properties"].items():
        assert type(held["value"]) is str
        assert held["versions"] == []
        found[name] = held["value"]
    assert body["canonical-vid"] == body["vid"]
    for empty in ("merged-vids", "form-submissions", "list-memberships", "identity-profiles"):
        assert body[empty] == []
    assert body["merge-audits"] == []
    return {"id": str(body["vid"]), **found}


def test_a_contact_has_its_vid_and_the_values_as_texts():
    assert sent((ChosenProperty("email", "email"), ChosenProperty("amount", "price"))) == {
        "vid": 101,
        "canonical-vid": 101,
        "merged-vids": [],
        "is-contact": True,
        "properties": {
            "email": {"value": "ada@example.com", "versions": []},
            "price": {"value": "1.10", "versions": []},
        },
        "form-submissions": [],
        "list-memberships": [],
        "identity-profiles": [],
        "merge-audits": [],
    }


def a_property(value: str) -> dict[str, Any]:
    return {
        "value": value,
        "timestamp": MILLISECONDS,
        "source": None,
        "sourceId": None,
        "versions": [],
    }


def test_a_deal_has_its_id_and_empty_associations():
    assert sent(object="deals", properties={"amount": "1.10"}, portal_id=62515) == {
        "portalId": 62515,
        "dealId": 101,
        "isDeleted": False,
        "associations": {
            "associatedVids": [],
            "associatedCompanyIds": [],
            "associatedDealIds": [],
            "associatedTicketIds": [],
        },
        "properties": {"amount": a_property("1.10")},
    }


def test_a_company_has_its_id():
    assert sent(object="companies", properties={"name": '"Acme"'}, portal_id=62515) == {
        "portalId": 62515,
        "companyId": 101,
        "isDeleted": False,
        "properties": {"name": a_property("Acme")},
    }


@pytest.mark.parametrize(
    ("object_", "expected"),
    [("tickets", "TICKET"), ("0-5", "TICKET"), ("2-3453932", "2-3453932"), ("Parcels", "Parcels")],
)
def test_all_others_have_their_type_and_id(object_, expected):
    assert sent(object=object_, properties={"subject": '"Hi"'}, portal_id=62515) == {
        "objectType": expected,
        "portalId": 62515,
        "objectId": 101,
        "properties": {"subject": a_property("Hi")},
        "isDeleted": False,
    }


@pytest.mark.parametrize("object_", ["deals", "companies", "tickets", "parcels"])
def test_a_deletion_is_told_by_all_but_contacts(object_):
    assert sent(object=object_, kind=ChangeKind.DELETED)["isDeleted"] is True
    assert sent(object=object_, kind=ChangeKind.CREATED)["isDeleted"] is False
    assert hubspot_legacy.tells_deletions(object_)
    assert not hubspot_legacy.tells_deletions("contacts")


@pytest.mark.parametrize("object_", [*CONTACTS, "deals", "companies", "tickets", "parcels"])
@pytest.mark.parametrize("portal_id", [None, 62515])
def test_the_names_are_those_of_the_body(object_, portal_id):
    found = hubspot_legacy.names(object_, has_portal=portal_id is not None)

    assert found == sent(object=object_, portal_id=portal_id).keys()
    assert {"portalId", "portal-id"}.isdisjoint(found) is (portal_id is None)


@pytest.mark.parametrize(
    ("record_id", "expected"),
    [
        ("0", 0),
        ("9007199254740993", 9007199254740993),
        ("007", "007"),
        ("-1", "-1"),
        ("1.0", "1.0"),
        ("1e3", "1e3"),
        ("١٢", "١٢"),
        ("", ""),
        ("12\n", "12\n"),
        ('a"b', 'a"b'),
    ],
)
@pytest.mark.parametrize("object_", ["contacts", "deals", "companies", "tickets", "parcels"])
def test_an_id_is_a_number_where_it_reads_back_as_it_was(object_, record_id, expected):
    body = sent(object=object_, record_id=record_id)

    (found,) = {body[name] for name in ("vid", "dealId", "companyId", "objectId") if name in body}
    assert (type(found), found) == (type(expected), expected)


def test_chosen_properties_that_are_absent_are_left_out():
    chosen = tuple(ChosenProperty(name, name) for name in ("email", "missing"))

    assert sent(chosen)["properties"].keys() == {"email"}
    assert sent((ChosenProperty("missing", "missing"),))["properties"] == {}


def test_static_lands_on_top():
    body = sent(static={"origin": '"crm"', "n": "1.0"})

    assert (body["origin"], body["n"]) == ("crm", Decimal("1.0"))
    assert list(body)[-2:] == ["origin", "n"]


@given(st.dictionaries(TEXTS, VALUES), TEXTS | st.integers(0).map(str))
def test_a_receiver_of_contacts_reads_what_the_record_says(values, record_id):
    now = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in values.items()
    }

    found = contact_of(sent(properties=now, record_id=record_id, object="contacts"))

    assert found == {"id": record_id, **texts}


@given(
    st.dictionaries(TEXTS, VALUES),
    TEXTS.filter(lambda name: name.lower() not in CONTACTS),
    st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone stands beside them
    st.sampled_from(ChangeKind),
)
def test_all_others_say_when_in_whole_milliseconds(values, object_, at, kind):
    now = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}

    body = sent(properties=now, object=object_, occurred_at=at, kind=kind)

    assert body["properties"].keys() == values.keys()
    for held in body["properties"].values():
        assert 0 <= at.timestamp() * 1000 - held["timestamp"] < 1.1
        assert (held["source"], held["sourceId"], held["versions"]) == (None, None, [])
    assert body["isDeleted"] is (kind is ChangeKind.DELETED)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"2026-03-01T08:30:00.123Z"', str(MILLISECONDS)),
        ('"2026-03-01T09:30:00.1239+01:00"', str(MILLISECONDS)),
        ('"2026-03-01"', "1772323200000"),
        ('"1969-12-31T23:59:59.9Z"', "-100"),
        (f'"{MILLISECONDS}"', str(MILLISECONDS)),
        (str(MILLISECONDS), str(MILLISECONDS)),
        ('""', ""),
        ('"soon"', "soon"),
        ('"2026-02-30"', "2026-02-30"),
    ],
)
def test_dates_and_times_are_in_milliseconds_where_the_source_says_that_they_are_such(
    written, expected
):
    chosen = (ChosenProperty("when", "at"), ChosenProperty("other", "other"))
    now = {"when": written, "other": written}

    held = sent(chosen, properties=now, instants=frozenset({"when"}))["properties"]

    assert held["at"]["value"] == expected
    assert held["other"]["value"] == json.loads(written if '"' in written else f'"{written}"')


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.timezones()))  # noqa: DTZ001 - the zones stand beside them
def test_any_time_is_the_same_in_milliseconds(at):
    now = {"when": json.dumps(at.isoformat())}
    is_plain = (at.utcoffset() or timedelta()) % timedelta(minutes=1) == timedelta()

    held = sent(properties=now, instants=frozenset(now))["properties"]["when"]["value"]

    if is_plain:
        expected = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        assert held == str(expected)


def test_numbers_keep_their_digits():
    numbers = ("1.10", "1e400", "-0", "123456789012345678901234567890")
    now = {f"n{i}": number for i, number in enumerate(numbers)}

    held = sent(properties=now)["properties"].values()

    assert tuple(one["value"] for one in held) == numbers
    assert all(re.fullmatch(r"[-0-9.e]+", one["value"]) for one in held)
