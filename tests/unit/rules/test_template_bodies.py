"""Templates at work: what stands in a body, whatever a record holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from webhookd.config.templates.body_tree import body_template
from webhookd.definitions import (
    AllOf,
    Body,
    BodyFormat,
    Condition,
    Operator,
    Request,
    Trigger,
    ValueReading,
    Webhook,
)
from webhookd.model import Change, ChangeKind, Deletion
from webhookd.rules import conditions, instants
from webhookd.rules.render import render
from webhookd.rules.templating import scope
from webhookd.rules.templating.bodies import render_body
from webhookd.rules.templating.body_encoding import encoded
from webhookd.rules.templating.scope import TooLargeError

AT = datetime(2026, 3, 1, 8, 30, 0, 123999, tzinfo=UTC)
NOW = {
    "name": '"Ada"',
    "amount": "1.10",
    "text_amount": '"1.10"',
    "empty": '""',
    "flag": "true",
    "languages": '"de;en; ;pl"',
    "tags": '["a",1.10,null,{"b":[1]}]',
    "closed": '"2026-03-01T23:30:00Z"',
    "day": '"2026-03-01"',
    "millis": '"1772407800000"',
    "big": "12345678901234567890123",
    "a.b": '"dotted"',
}
BEFORE = {"name": '"Eve"', "gone": "1"}


def a_change(now=None, before=BEFORE, kind=ChangeKind.UPDATED, instants=frozenset({"millis"})):
    return Change(kind, "crm", "deals", "7", now or NOW, before, AT, instants)


def body_of(template, content_type=None, change=None, reading=None):
    made = body_template(template, content_type, reading or ValueReading())
    return render_body(made, scope.of_change(change or a_change(), "tell", "0198"))


def value_of(expression, **changes):
    """Return what an expression alone gives, as JSON with numbers as they are written."""
    content = body_of({"v": f"{{{{ {expression} }}}}"}, **changes).content
    return content.decode().removeprefix('{"v":').removesuffix("}")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("properties.name", '"Ada"'),
        ("properties.amount", "1.10"),
        ("properties.big", "12345678901234567890123"),
        ("properties['a.b']", '"dotted"'),
        ("properties.absent", "null"),
        ("properties.__class__", "null"),
        ("previous.name", '"Eve"'),
        ("previous.absent", "null"),
        ("record.id", '"7"'),
        ("record.object", '"deals"'),
        ("record.source", '"crm"'),
        ("change.kind", '"updated"'),
        ("change.type", '"deals.updated"'),
        ("change.occurred_at", '"2026-03-01T08:30:00.123Z"'),
        ("delivery.id", '"0198"'),
        ("webhook.name", '"tell"'),
        ("'x' if properties.flag else 'y'", '"x"'),
        ("'x' if properties.empty else 'y'", '"y"'),
        ("'x' if 'false' else 'y'", '"y"'),
        ("'x' if 0 else 'y'", '"x"'),
        ("properties.absent or properties.name", '"Ada"'),
        ("properties.name and 5", "5"),
        ("properties.absent and 5", "null"),
        ("not properties.absent", "true"),
        ("properties.text_amount == 1", "false"),
        ("properties.text_amount == '1.1'", "true"),
        ("properties.text_amount == properties.amount", "true"),
        ("properties.name == 'Ada'", "true"),
        ("properties.name == 'ada'", "false"),
        ("properties.name != 'ada'", "true"),
        ("properties.absent == none", "true"),
        ("properties.absent == ''", "true"),
        ("properties.absent == 'x'", "false"),
        ("properties.absent != 'x'", "true"),
        ("properties.flag == true", "true"),
        ("properties.flag == false", "false"),
        ("properties.closed == '2026-03-02T00:30:00+01:00'", "true"),
        ("properties.millis == '2026-03-01T23:30:00Z'", "true"),
        ("properties.absent | default('none')", '"none"'),
        ("properties.empty | default(5)", "5"),
        ("properties.name | default('none')", '"Ada"'),
        ("properties.name | upper", '"ADA"'),
        ("properties.amount | upper", '"1.10"'),
        ("properties.absent | upper", "null"),
        ("properties.name | lower | upper", '"ADA"'),
        ("' x ' | trim", '"x"'),
        ("properties.name | truncate(2)", '"A…"'),
        ("properties.name | truncate(3)", '"Ada"'),
        ("properties.name | truncate(1)", '"…"'),
        ("properties.name | replace('d', '--')", '"A--a"'),
        ("properties.name | replace('', '--')", '"Ada"'),
        ("properties.text_amount | number", "1.10"),
        ("' -0 ' | number", "-0"),
        ("'1e400' | number", "1e400"),
        ("properties.name | number", '"Ada"'),
        ("'01' | number", '"01"'),
        ("'TRUE' | boolean", "true"),
        ("properties.name | boolean", '"Ada"'),
        ("properties.languages | list", '["de","en","pl"]'),
        ("properties.languages | list('e')", '["d",";","n; ;pl"]'),
        ("properties.tags | list", '["a",1.10,null,{"b":[1]}]'),
        ("properties.absent | list", "[]"),
        ("properties.tags | join(', ')", '"a, 1.10, , {\\"b\\":[1]}"'),
        ("properties.languages | list | join('/')", '"de/en/pl"'),
        ("properties.name | join('/')", '"Ada"'),
        ("previous | lines", '"gone: 1\\nname: Eve"'),
        ("'<!channel> & <x>' | slack", '"&lt;!channel&gt; &amp; &lt;x&gt;"'),
        ("properties.closed | date('%d.%m.%Y %H:%M:%S %z')", '"01.03.2026 23:30:00 +0000"'),
        ("properties.closed | date('%Y-%m-%d %H%z', 'Europe/Warsaw')", '"2026-03-02 00+0100"'),
        ("properties.day | date('%d.%m.%Y', 'America/New_York')", '"01.03.2026"'),
        ("properties.millis | date('%Y-%m-%d %H:%M')", '"2026-03-01 23:30"'),
        ("'1772407800000' | date('%Y')", '"1772407800000"'),
        ("1772407800000 | date('%Y')", '"2026"'),
        ("properties.name | date('%Y')", '"Ada"'),
        ("'9999-12-31T23:30:00Z' | date('%Y', 'Asia/Tokyo')", '"9999-12-31T23:30:00Z"'),
    ],
)
def test_an_expression_alone_keeps_the_type_of_its_value(expression, value):
    assert value_of(expression) == value


def test_changed_and_previous_are_empty_where_there_is_nothing_to_say():
    created = a_change(kind=ChangeKind.CREATED, before=None)
    deleted = a_change(kind=ChangeKind.DELETED)

    assert value_of("changed", change=created) == json.dumps(sorted(NOW), separators=(",", ":"))
    assert value_of("previous", change=created) == "{}"
    assert value_of("changed", change=deleted) == "[]"
    assert value_of("previous", change=deleted) == "{}"
    assert value_of("properties.name", change=deleted) == '"Ada"'


def test_texts_of_a_source_are_compared_as_the_source_writes_them():
    change = a_change({"amount": '"1.500,00"', "day": '"01.03.2026"'})
    reading = ValueReading("comma", ("%d.%m.%Y",))

    assert value_of("properties.amount == 1500", change=change, reading=reading) == "true"
    assert value_of("properties.amount == 1500", change=change) == "false"
    assert value_of("properties.day | date('%Y')", change=change, reading=reading) == '"2026"'


VALUES = st.one_of(
    st.sampled_from(
        (
            *("", "0", "-0", "1", "1.0", "1,5", "1.500", "1e3", " 1 ", "true", " TRUE "),
            *("01.03.2026", "2026-03-01", "2026-03-01T00:00:00Z", "2026-03-01T01:00:00+01:00"),
            "1772323200000",
        )
    ),
    st.text(st.sampled_from("é\u0301aß;\U0001f600"), max_size=3),
    st.integers(0, 2 * 10**12).map(str),
    st.dates().map(lambda day: day.strftime("%d.%m.%Y")),
)
JSON_VALUES = VALUES.map(lambda text: json.dumps(text, ensure_ascii=False)) | st.sampled_from(
    ["null", "true", "false", "1", "1.0", "-0", "1e3", "0", "1772323200000", "[]", "{}"]
)
READINGS = st.sampled_from(
    [ValueReading(), ValueReading("comma", ("%d.%m.%Y",)), ValueReading("clear")]
)


@given(JSON_VALUES, VALUES.filter(bool) | st.booleans(), READINGS, st.booleans())
def test_a_comparison_with_a_value_is_that_of_a_condition(value, wanted, reading, is_instant):
    change = a_change({"p": value}, instants=frozenset({"p"} if is_instant else ()))
    written = str(wanted).lower() if isinstance(wanted, bool) else f"'{wanted}'"
    condition = Condition("p", Operator.EQ, (wanted,), reading=reading)
    seen = instants.seen_by_conditions(change)
    when = instants.aware(Trigger(when=AllOf((condition,))), change.instants).when

    expected = conditions.matches(when, seen.properties, AT)

    assert value_of(f"properties.p == {written}", change=change, reading=reading) == (
        "true" if expected else "false"
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("01.03.2026", "2026-03-01 00:00"),
        (" 01.03.2026 ", "2026-03-01 00:00"),
        ("2026-03-01", "2026-03-01 00:00"),
        ("01.03.2026 00:30", "2026-02-28 19:30"),
        ("01.03.2026 0030 +0100", "2026-02-28 18:30"),
        ("2026-03-01T00:30", "2026-02-28 19:30"),
        ("1.3.26 12 AM", "2026-02-28 19:00"),
    ],
)
def test_a_date_alone_is_in_no_zone_however_the_source_writes_it(written, told):
    forms = ("%d.%m.%Y", "%d.%m.%Y %R", "%d.%m.%Y %H%M %z", "%d.%m.%y %I %p")
    change = a_change({"p": json.dumps(written)}, instants=frozenset())
    expression = "properties.p | date('%Y-%m-%d %H:%M', 'America/New_York')"

    given = value_of(expression, change=change, reading=ValueReading(dates=forms))

    assert json.loads(given) == told


def test_a_tree_keeps_its_form_and_its_own_values():
    template = {
        "n": 5,
        "nothing": None,
        "list": ["{{ properties.name }}", "a {{ properties.amount }}", {"x": []}],
        "own": "{{ 'a' }}{{ '' }}",
        "": {},
    }

    assert body_of(template).content == (
        b'{"n":5,"nothing":null,"list":["Ada","a 1.10",{"x":[]}],"own":"a","":{}}'
    )


def test_what_is_omitted_leaves_no_trace_in_maps_and_lists():
    omitted = "{{ properties.absent | default(omit) }}"
    template = {"a": omitted, "b": [omitted, 1, omitted, 2], "c": omitted, "d": 1, "e": omitted}

    assert body_of(template).content == b'{"b":[1,2],"d":1}'
    assert body_of({"a": omitted}).content == b"{}"


def test_a_form_repeats_the_name_of_a_list():
    template = {
        "a b": "{{ properties.name }} & Co",
        "l": "{{ properties.languages | list }}",
        "m": ["1", "{{ properties.amount }}"],
        "none": "{{ properties.absent }}",
        "left out": "{{ properties.absent | default(omit) }}",
        "~": "ü+*",
    }

    content = body_of(template, "application/x-www-form-urlencoded").content

    assert content == (b"a+b=Ada+%26+Co&l=de&l=en&l=pl&m=1&m=1.10&none=&%7E=%C3%BC%2B*")


def test_xml_is_escaped_for_texts_and_attributes():
    change = a_change({"v": json.dumps("<&>\"'\t\r\n\x00\x0bü\ud800")})
    template = '<a b="{{ properties.v }}">{{ properties.v }}</a>\n'

    content = body_of(template, "text/xml; charset=utf-8", change).content

    root = etree.fromstring(content)
    assert root.text == root.get("b") == "<&>\"'\t\r\n\ufffd\ufffdü\ufffd"
    assert content.endswith(b"</a>\n")


def test_plain_text_stands_as_it_is():
    content = body_of("Hi {{ properties.name }}\r\n{{ properties }}", "text/plain").content

    assert content.startswith(b'Hi Ada\r\n{"a.b":"dotted"')


def test_a_secret_leaves_a_hole_that_no_value_can_make():
    change = a_change({"v": '"{{ secrets.key }}"'})
    template = {"v": "{{ properties.v }}ü", "k": "{{ secrets.key }}", "h": "T {{ secrets.key }}!"}

    body = body_of(template, change=change)

    assert body.content.decode() == '{"v":"{{ secrets.key }}ü","k":"","h":"T !"}'
    assert [(body.content[:at][-6:], name) for at, name in body.holes] == [
        (b',"k":"', "key"),
        (b'h":"T ', "key"),
    ]


@pytest.mark.parametrize(
    ("content_type", "filled"),
    [
        ("application/json", b'a\\"\\\\ \xc3\xbc&<'),
        ("application/x-www-form-urlencoded", b"a%22%5C+%C3%BC%26%3C"),
        ("text/xml", b"a&quot;\\ \xc3\xbc&amp;&lt;"),
        ("text/plain", b'a"\\ \xc3\xbc&<'),
    ],
)
def test_a_secret_is_encoded_for_the_body_that_it_stands_in(content_type, filled):
    assert encoded(content_type, 'a"\\ ü&<') == filled


@pytest.mark.parametrize(
    "expression",
    [
        "properties.a | replace('a', properties.b)",
        "properties.l | join(properties.b)",
        "properties.a | replace('a', 'bbbbbbbbbbbbbbbbbbbb')",
    ],
)
def test_what_grows_beyond_the_bound_ends_before_it_is_made(expression):
    change = a_change(
        {
            "a": json.dumps("a" * 1_000_000),
            "b": json.dumps("b" * 1_000_000),
            "l": json.dumps(["x"] * 100_000),
        }
    )

    with pytest.raises(TooLargeError, match=r"too_large: .* larger than 8,388,608 bytes"):
        value_of(expression, change=change)


def test_many_small_values_draw_on_one_bound():
    change = a_change({"a": json.dumps("ü" * 100_000, ensure_ascii=False)})

    assert len(body_of(["{{ properties.a }}"] * 41, change=change).content) < scope.LARGEST
    with pytest.raises(TooLargeError):
        body_of(["{{ properties.a }}"] * 43, change=change)


def test_render_gives_the_bytes_the_type_and_the_query():
    template = body_template({"id": "{{ record.id }}"}, "application/vnd.api+json", ValueReading())
    body = Body((), {}, BodyFormat.FLAT, previous=False, template=template)
    webhook = Webhook("tell", "crm", "deals", Request("POST", "https://example.com/", body=body))

    rendered = render(webhook, a_change(), delivery_id="0198")

    assert rendered.body == b'{"id":"7"}'
    assert rendered.content_type == "application/vnd.api+json"
    assert (rendered.query, rendered.holes) == ("", ())


# Strings with all that may break out of a text: quotes, braces, markup, surrogates, controls.
TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(
        ['"}],"x":[{"', "{{ secrets.key }}", "<!channel>", "\r\nX: y", "\u2028", "\x00", "]]>"]
    ),
)
NUMBERS = st.sampled_from(["1.10", "1e400", "-0", "123456789012345678901234567890", "0.1e-7"])
VALUES = st.one_of(TEXTS.map(json.dumps), NUMBERS, st.sampled_from(["true", "false", '["a"]']))
LEAVES = st.sampled_from(
    [
        "{{ properties.v }}",
        "{{ properties.w }}",
        "<{{ properties.v }}|{{ properties.w }}>",
        "{{ properties.v | default(omit) }}",
        "{{ properties.v | upper | slack }}",
        "plain",
        7,
        True,
        None,
    ]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
).filter(lambda tree: isinstance(tree, dict | list))


def shape_of(value):
    """Return a value's form without its leaves."""
    if isinstance(value, dict):
        return {name: shape_of(one) for name, one in value.items()}
    return [shape_of(one) for one in value] if isinstance(value, list) else None


def expected_of(tree, values):
    """Return what a tree is to become, as values with exact numbers."""
    if isinstance(tree, dict):
        return {name: expected_of(one, values) for name, one in tree.items()}
    if isinstance(tree, list):
        return [expected_of(one, values) for one in tree]
    read = {name: json.loads(text, parse_float=Decimal) for name, text in values.items()}
    texts = {name: text if text[0] != '"' else json.loads(text) for name, text in values.items()}
    slack = texts["v"].upper().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {
        "{{ properties.v }}": read["v"],
        "{{ properties.v | default(omit) }}": read["v"],
        "{{ properties.w }}": read["w"],
        "<{{ properties.v }}|{{ properties.w }}>": f"<{texts['v']}|{texts['w']}>",
        "{{ properties.v | upper | slack }}": slack,
    }.get(tree, tree)


@settings(max_examples=300)
@given(TREES, VALUES, VALUES)
def test_a_json_body_is_its_template_with_the_values_put_in(tree, first, second):
    values = {"v": first if first != '""' else '"x"', "w": second}
    change = a_change(values)

    content = body_of(tree, change=change).content

    found = json.loads(content, parse_float=Decimal)
    assert found == expected_of(tree, values)


@settings(max_examples=300)
@given(TEXTS)
def test_a_form_gives_each_value_back(text):
    content = body_of(
        {"v": "{{ properties.v }}", "w": "x{{ properties.v }}&w=2"},
        "application/x-www-form-urlencoded",
        a_change({"v": json.dumps(text)}),
    ).content

    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert parse_qsl(content.decode(), keep_blank_values=True) == [
        ("v", whole),
        ("w", f"x{whole}&w=2"),
    ]


@settings(max_examples=300)
@given(TEXTS)
def test_xml_gives_each_value_back_and_no_more(text):
    content = body_of(
        '<a><b c="{{ properties.v }}"/><d>{{ properties.v }}</d></a>',
        "application/xml",
        a_change({"v": json.dumps(text)}),
    ).content

    root = etree.fromstring(content)
    assert [element.tag for element in root.iter()] == ["a", "b", "d"]
    assert root[0].get("c") == (root[1].text or "")
    if text.isprintable() and text.isascii():
        assert (root[1].text or "") == text


@pytest.mark.parametrize(
    ("deletion", "told"),
    [
        (None, ("null", "null")),
        (Deletion("archived"), ('"archived"', "null")),
        (Deletion("merged", "9"), ('"merged"', '"9"')),
    ],
)
def test_a_template_may_say_how_a_record_came_to_be_deleted(deletion, told):
    names = ("change.deletion", "change.merged_into")

    deleted = replace(a_change(kind=ChangeKind.DELETED), deletion=deletion)

    assert tuple(value_of(name, change=deleted) for name in names) == told
