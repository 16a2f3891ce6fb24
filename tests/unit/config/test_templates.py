"""What templates may say, from the file to definitions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config import loading
from webhookd.config.templates import expression_parser, xml_shape
from webhookd.config.templates.body_tree import leaf
from webhookd.config.templates.expression_parser import parsed
from webhookd.config.templates.segments import ExpressionError
from webhookd.definitions.templates import (
    AllProperties,
    Choice,
    Constant,
    Fact,
    FactName,
    MixedText,
    PropertyValue,
    SecretValue,
)
from webhookd.rules import usage
from webhookd.rules.templating.filters import FILTERS

CONFIG = """
version: 1
sources:
  crm: {type: drop_directory, path: /nowhere, object: contacts}
webhooks:
  hook:
    source: crm
    object: contacts
    request:
      url: https://example.com/
      body:
        template: TEMPLATE
"""


def loaded(tmp_path, template):
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("TEMPLATE", template))
    return loading.load(path, environment={})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain } text {", ("plain } text {",)),
        ("{{ properties.a }}", (PropertyValue("a"),)),
        ("{{properties['a.b']}}", (PropertyValue("a.b"),)),
        ('{{ previous["a"] }}', (PropertyValue("a", before=True),)),
        ("{{ properties }}", (AllProperties(),)),
        (" {{ record.id }}\n", (" ", Fact("record.id"), "\n")),
        ("a\r\n{{ record.id }}\r", ("a\r\n", Fact("record.id"), "\r")),
        ("a {{- record.id -}} b", ("a", Fact("record.id"), "b")),
        ("{# why #}a{% raw %}{{ b }}{% endraw %}c", ("a{{ b }}c",)),
        ("{{ secrets.key }}", (SecretValue("key"),)),
        ("{{ secrets['a-b'] }}", (SecretValue("a-b"),)),
        (
            "{{ secrets.a if changed else secrets.b }}",
            (Choice(Fact("changed"), SecretValue("a"), SecretValue("b")),),
        ),
        ("{{ -5 }}", (Constant("-5"),)),
        ("{{ None }}", (Constant("null"),)),
        ("{{ '}}' }}", (Constant('"}}"'),)),
    ],
)
def test_a_text_is_read_as_its_own_parts_and_its_expressions(text, parts):
    assert parsed(text) == parts


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a", "'a' is not known; there is properties, previous, changed"),
        ("record", "'record' is not known; did you mean 'record.id'?"),
        ("delivery.number", "'delivery.number' is not known"),
        ("changed.a", "'changed' is a list of names"),
        ("secrets", "write secrets.NAME"),
        ("omit | upper", "'omit' stands alone"),
        ("omit == 1", "'omit' stands alone"),
        ("properties.a | default(secrets.x)", "a secret stands alone"),
        ("'a' if secrets.x else 'b'", "a secret stands alone"),
        ("secrets.x == 'b'", "a secret stands alone"),
        ("properties.a | replace('a', secrets.x)", "a secret stands alone"),
        ("properties[0]", "in [ ] stands a name in quotes"),
        ("properties[record.id]", "in [ ] stands a name in quotes"),
        ("properties.a()", "nothing can be called"),
        ("'a' ~ 'b'", "texts are not joined by '~'"),
        ("1 + 2", "nothing is calculated; there are"),
        ("properties.a - 2", "nothing is calculated; there are"),
        ("properties.deal-name", "a name with a hyphen is written properties['deal-name']"),
        ("previous.a-b-c | upper", "a name with a hyphen is written previous['a-b-c']"),
        ("secrets.pager-key", "a name with a hyphen is written secrets['pager-key']"),
        ("null", "'null' is not known; write none"),
        ("properties.a == NULL", "'NULL' is not known; write none"),
        ("TRUE", "'TRUE' is not known; write true"),
        ("-properties.a", "'-' stands before a number only"),
        ("not -properties.a", "'-' stands before a number only"),
        ("properties.a < 3", "two values are compared by == or !="),
        ("1 == 1 == 1", "two values are compared by == or !="),
        ("properties.a in ['a']", "two values are compared by == or !="),
        ("properties.a is defined", "there are no tests with 'is'"),
        ("[1]", "a list is written as YAML"),
        ("{'a': 1}", "a map is written as YAML"),
        ("1, 2", "an expression gives one value"),
        ("properties.a[1:2]", "in [ ] stands a name in quotes"),
        ("'a'.upper()", "nothing can be called"),
        ("'a'.b", "of a value no part can be taken"),
        ("properties.a | upper('x')", "'upper' takes no value"),
        ("properties.a | default(x=1)", "'default' takes its values in order"),
        ("properties.a | default(*x)", "'default' takes its values in order"),
        ("properties.a | date", "'date' takes one value or two"),
        ("properties.a | date(properties.b)", "'date' takes a format and a time zone as texts"),
        ("properties.a | date('x')", "'x' names no part of a date"),
        ("properties.a | date('%')", "'%' is not known in a format of dates"),
        ("properties.a | date('%Y', '../../etc/passwd')", "there is no time zone"),
        ("properties.a | date('%Y', '/etc/localtime')", "there is no time zone"),
        ("properties.a | date('%Y', '')", "there is no time zone"),
        ("properties.a | truncate(0)", "'truncate' takes a whole number from 1 to"),
        ("properties.a | truncate('3')", "'truncate' takes a whole number from 1 to"),
        ("properties.a | truncate(properties.b)", "'truncate' takes a whole number from 1 to"),
        ("1e3", "1e3 has a fraction or an exponent"),
        ("0b1", "0b1 is not a decimal number"),
        ("1234567890123456789", "is not a decimal number of up to 18 digits"),
        ("", "it cannot be read"),
        ("properties.", "it cannot be read"),
        ("properties.a |", "it cannot be read"),
        ("(" * 3000 + "1" + ")" * 3000, "nested too deep"),
        ("properties.a" + " | trim" * 60, "nested deeper than 50 levels"),
        ("not " * 60 + "true", "nested deeper than 50 levels"),
    ],
)
def test_what_is_no_expression_is_said_with_the_expression(expression, message):
    with pytest.raises(ExpressionError) as caught:
        parsed(f"x {{{{ {expression} }}}}")

    assert message in str(caught.value)
    assert str(caught.value).startswith(("'{{ ", '"{{ '))


def test_texts_and_templates_have_a_largest_size():
    with pytest.raises(ExpressionError, match="at most 8,192 characters"):
        parsed("{{ record.id }}" + "x" * expression_parser.LONGEST)


@given(st.text(st.sampled_from("{}%#-'\"\\ .|()[]a1_~=!properties\r\n\ue000"), max_size=40))
def test_any_text_is_read_or_refused_in_words(text):
    told = []
    try:
        parts = parsed(text)
    except ExpressionError as error:
        parts, told = (), [str(error)]

    if "{{" not in text and "{%" not in text and "{#" not in text:
        assert "".join(parts) == text
    assert "" not in told


def test_one_expression_alone_is_typed_and_a_blank_beside_it_makes_it_text():
    assert leaf("{{ properties.a }}") == PropertyValue("a")
    assert leaf("{{ properties.a }} ") == MixedText((PropertyValue("a"), " "))
    assert leaf("{% raw %}{{{% endraw %}") == Constant('"{{"')


@pytest.mark.parametrize(
    "text",
    [
        '<a b="{{ record.id }}">{{ record.id }}<c/></a>',
        "<?xml version='1.0' encoding='UTF-8'?><a xmlns:x='urn:{{ record.id }}'>value0.</a>",
        "<a>{{ record.id }}{{ record.id }}</a>",
    ],
)
def test_values_stand_in_texts_and_attributes_of_xml(text):
    xml_shape.check(parsed(text))


@pytest.mark.parametrize(
    "text",
    [
        "{{ record.id }}",
        "<a>{{ record.id }}",
        "<a {{ record.id }}='b'/>",
        "<a b={{ record.id }}/>",
        "<a><{{ record.id }}/></a>",
        "<a>&{{ record.id }};</a>",
        "<a><![CDATA[{{ record.id }}]]></a>",
        "<a><!-- {{ record.id }} --></a>",
        "<a><?x {{ record.id }}?></a>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>{{ record.id }}</a>",
        "<?xml version='1.0' encoding='latin-1'?><a>{{ record.id }}</a>",
        "<soap:Body>{{ record.id }}</soap:Body>",
        "<a xsi:nil='true'>{{ record.id }}</a>",
        "<a>{{ record.id }}</a><b/>",
        "",
    ],
)
def test_values_stand_nowhere_else_in_xml(text):
    with pytest.raises(xml_shape.XmlError):
        xml_shape.check(parsed(text))


def test_usage_knows_what_a_template_reads(tmp_path):
    template = '{a: "{{ properties.b if previous.c else properties.d | default(properties.e) }}"}'
    webhook = loaded(tmp_path, template).definitions.webhooks["hook"]

    assert set(usage.chosen(webhook)) == {"b", "c", "d", "e"}
    assert usage.of_webhooks([webhook]).all_by is None


def test_usage_knows_that_a_template_sends_all(tmp_path):
    webhook = loaded(tmp_path, '{a: "{{ properties | lines }}"}').definitions.webhooks["hook"]

    assert usage.of_webhooks([webhook]).all_by == "hook"


def test_more_expressions_than_a_template_may_have_are_refused(tmp_path):
    items = ", ".join(['"{{ record.id }}"'] * 201)

    with pytest.raises(Exception, match="at most 200 expressions, and this one has 201"):
        loaded(tmp_path, f"[{items}]")


def test_a_template_of_another_tool_in_a_leaf_is_warned_of(tmp_path):
    found = loaded(tmp_path, '{a: "{{ record.id }} ${NAME}", "{{ b }}": 1}').warnings

    assert [warning.where.rpartition(".")[2] for warning in found] == ["a", "{{ b }}"]
    assert "'${NAME}' looks like a template" in found[0].message


def test_the_document_lists_every_name_and_filter_and_no_other():
    text = (Path(__file__).parents[3] / "docs" / "templates.md").read_text()
    filters = text[text.index("## Filters") : text.index("## Bounds")]
    names = text[text.index("## Names") : text.index("## Operators")]

    assert set(re.findall(r"^\| (.*?) \|", filters, re.MULTILINE)) >= {"`number`", "`lines`"}
    first_cells = " ".join(re.findall(r"^\| (`.*?) \|", filters, re.MULTILINE))
    assert set(re.findall(r"`([a-z]+)", first_cells)) == FILTERS.keys()
    first_cells = " ".join(re.findall(r"^\| (`.*?) \|", names, re.MULTILINE))
    listed = set(re.findall(r"`([a-z_.]+)", first_cells))
    assert {name for name in listed if not name.endswith(".")} == {
        *get_args(FactName),
        *("properties", "previous", "omit"),
    }
