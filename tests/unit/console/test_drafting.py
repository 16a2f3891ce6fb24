"""Drafts in the form and as text: what is written in a file comes back from the form."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config import loading
from webhookd.config.drafts import draft, written_draft
from webhookd.config.drafts.ground import ground
from webhookd.console.composing import compose_choices, draft_fields, drafting, webhook_fields
from webhookd.console.composing.condition_fields import OPERATORS, ConditionField
from webhookd.console.composing.draft_fields import (
    AUTHENTICATIONS,
    CHANGES,
    ENROLLS,
    FORMATS,
    METHODS,
    SCHEMES,
)
from webhookd.console.forms import Form, parsed

EXAMPLE = loading.load(
    Path(__file__).parents[3] / "config.example.yaml", environment={}, offline=True
)
GROUND = ground(EXAMPLE.document)
(FILE,) = EXAMPLE.written


def sent(fields):
    """Return the fields of the form as a browser sends them."""
    pairs = [
        *((name, getattr(fields, name)) for name in ("name", "description", "enroll", "changed")),
        ("records", f"{fields.source} {fields.object}"),
        *(("changes", one) for one in fields.changes),
        *(
            pair
            for one in fields.conditions
            for pair in (
                ("when_property", one.property),
                ("when_operator", one.operator),
                ("when_text", one.text),
            )
        ),
        *(
            (name, getattr(fields, name))
            for name in ("method", "url", "authentication", "auth_name", "secret_in", "secret")
        ),
        *((name, getattr(fields, name)) for name in ("scheme", "app_id", "format", "more", "rest")),
        ("auth_location", "query" if fields.auth_in_query else "header"),
        *((name, "1") for name in ("allow_http", "previous") if getattr(fields, name)),
        ("takes", "all" if fields.takes_all else "chosen"),
        *(
            pair
            for name, sent_as in fields.chosen
            for pair in (("property", name), (f"as {name}", "" if name == sent_as else sent_as))
        ),
    ]
    return Form(pairs)


@pytest.mark.parametrize("name", EXAMPLE.document["webhooks"])
def test_a_webhook_in_force_goes_through_the_form_unchanged(name):
    lines = FILE.lines(*FILE.webhooks[name])
    webhook = written_draft.webhook_of(name, lines, EXAMPLE.document["webhooks"][name])
    fields = webhook_fields.of_webhook(name, webhook)

    text, problem = drafting.text_of(draft_fields.of_form(sent(fields)))

    assert problem == ""
    read = draft.read(text, GROUND)
    assert read.problems == ()
    if "*" not in lines:
        assert read == draft.read(f"webhooks:\n{lines}", GROUND)


WORDS = st.sampled_from(["a", "first_name", "x y", "Ü", "a:b", "10", "true", "1.10", "no", "#a"])
CONDITIONS = st.builds(
    lambda name, operator, text: [
        ("when_property", name),
        ("when_operator", operator),
        ("when_text", text),
    ],
    WORDS,
    st.sampled_from(OPERATORS),
    st.lists(WORDS, min_size=1, max_size=3).map(", ".join),
)
FORMS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["w", "new-webhook"]),
        "description": WORDS | st.just(""),
        "records": st.sampled_from(["crm deals", "crm-export contacts"]),
        "enroll": st.sampled_from([*ENROLLS]),
        "changed": st.lists(WORDS, max_size=2).map(", ".join),
        "method": st.sampled_from(METHODS),
        "url": st.sampled_from(["https://a.example/x?y=z", "http://a.example", ""]),
        "authentication": st.sampled_from([*AUTHENTICATIONS]),
        "auth_name": WORDS,
        "auth_location": st.sampled_from(["header", "query"]),
        "secret_in": st.sampled_from(["env", "file", "credential"]),
        "secret": st.sampled_from(["KEY", "key.txt"]),
        "scheme": st.sampled_from(["", *SCHEMES]),
        "app_id": st.sampled_from(["1234567", ""]),
        "takes": st.sampled_from(["all", "chosen"]),
        "format": st.sampled_from(["", *FORMATS]),
        "rest": st.sampled_from(["", "delivery: {timeout: 3s}", "request: {headers: {X-A: b}}"]),
    }
)


@given(
    FORMS,
    st.lists(CONDITIONS, max_size=3),
    st.lists(st.tuples(WORDS, WORDS | st.just("")), max_size=3, unique_by=lambda pair: pair[0]),
    st.sets(st.sampled_from(CHANGES), min_size=1),
)
def test_every_draft_that_loads_comes_back_from_its_text(one, conditions, chosen, changes):
    pairs = [*one.items(), *(pair for each in conditions for pair in each)]
    pairs += [("changes", change) for change in changes]
    pairs += [
        pair for name, sent_as in chosen for pair in (("property", name), (f"as {name}", sent_as))
    ]
    text, problem = drafting.text_of(draft_fields.of_form(Form(pairs)))
    assert problem == ""
    first = draft.read(text, GROUND)
    webhook = written_draft.webhook_of(one["name"], text, None)

    fields = webhook_fields.of_webhook(one["name"], webhook)
    again, problem = drafting.text_of(draft_fields.of_form(sent(fields)))

    assert problem == ""
    second = draft.read(again, GROUND)
    assert second.webhook == first.webhook
    assert bool(second.problems) == bool(first.problems)


def test_a_form_brings_its_fields_as_browsers_write_them():
    content = (
        b"name=w&records=crm+deals&changes=created&takes=chosen&property=amount&as+amount=value"
        b"&property=stage&as+stage=&when_property=stage&when_operator=IN&when_text=a%2C+b"
        b"&when_property=&when_operator=EQ&when_text=&url=https%3A%2F%2Fa.example&method=POST"
    )

    text, _ = drafting.text_of(draft_fields.of_form(parsed(content)))

    assert text == (
        "webhooks:\n  w:\n    source: crm\n    object: deals\n    trigger:\n"
        "      changes: [created]\n"
        "      when:\n        - {property: stage, operator: IN, values: [a, b]}\n"
        "    request:\n      url: https://a.example\n"
        "      body:\n        properties: [{property: amount, as: value}, stage]\n"
    )


def test_what_the_form_has_no_field_for_goes_over_it_and_is_told_where_it_is_no_yaml():
    fields = draft_fields.Fields("w", source="crm", object="deals", rest="request: {method: PUT}")
    assert "method: PUT" in drafting.text_of(fields)[0]
    wrong = draft_fields.Fields("w", source="crm", object="deals", rest="request: [")
    assert drafting.text_of(wrong)[1].startswith("line 2")


def test_choices_are_what_is_in_force_and_no_secret():
    found = compose_choices.choices(EXAMPLE.document)

    assert ("crm", "deals") in found.records
    assert ("crm-export", "contacts") in found.records
    assert ("self", "events") in found.records
    assert found.apps == ("1234567",)
    assert "BI_CLIENT_SECRET" in found.secrets


def test_names_that_an_api_is_not_asked_for_are_told():
    asked = {"properties": ["email"], "associated": {"companies": {}}, "lists": {"vip": {}}}
    sources = {"crm": {"objects": {"contacts": asked, "deals": {"properties": "all"}}}}
    document = {"sources": sources | {"export": {"object": "contacts"}}}
    names = draft_fields.names_of(
        draft_fields.Fields(
            conditions=(ConditionField("email"), ConditionField("city")),
            changed="email, companies.name",
            takes_all=False,
            chosen=(("lists.vip", "vip"),),
            more="city, owner",
        )
    )

    assert compose_choices.unasked(document, "crm", "contacts", names) == ("city", "owner")
    assert compose_choices.unasked(document, "crm", "deals", names) == ()
    assert compose_choices.unasked(document, "export", "contacts", names) == ()
    assert compose_choices.unasked({}, "no-such", "", names) == ()


def test_chosen_properties_come_first_and_names_that_no_field_holds_are_counted():
    known = [{"name": name, "examples": ["x"], "used_by": ["w"]} for name in ("a", "b\u202e", "c")]

    rows, hidden = compose_choices.rows(known, [("c", "sea"), ("new", "new")])

    assert [(row.name, row.is_chosen, row.sent_as) for row in rows] == [
        ("c", True, "sea"),
        ("new", True, ""),
        ("a", False, ""),
    ]
    assert hidden == 1
