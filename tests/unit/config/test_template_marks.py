"""What looks like a template is warned of wherever it would go out literally."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.checks.template_marks import mark_in
from webhookd.config.templates.marks import without_marked
from webhookd.errors import ConfigError

MARKS = {
    "Hello {{ firstname }}!": "{{ firstname }}",
    "{{contact.email|default('x')}}": "{{contact.email|default('x')}}",
    "{% if a %}b{% endif %}": "{% if a %}",
    "Bearer ${TOKEN}": "${TOKEN}",
    "#{id}": "#{id}",
    "tenant-{tenant_id}": "{tenant_id}",
    "{0}": "{0}",
    "{!Contact.Name}": "{!Contact.Name}",
    "%(name)s": "%(name)s",
    "<%= id %>": "<%= id %>",
    "<your-key>": "<your-key>",
    "[email]": "[email]",
    "$TENANT": "$TENANT",
    "%TENANT%": "%TENANT%",
    ":id": ":id",
    "$(HOSTNAME)": "$(HOSTNAME)",
    "{{ a }} and ${b}": "{{ a }}",
}
PLAIN = (
    *("", "acme", "{}", "[]", '{"a": 1}', '{"a": {"b": "c"}}', "[1, 2]", "a < b > c", "<b>Hi</b>"),
    *("100 %", "50%-60%", "$5", "5 $", "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "}{", "a:b"),
    *("Name <a@b.example>", '<https://a.example/>; rel="next"', "{ }", "{a: 1}", ":-)"),
    *("{,}", "^[a-z]{2,3}$", "c$d", "[x](y)", "text/html; q=0.9", "12:00:00"),
)


@pytest.mark.parametrize(("text", "mark"), MARKS.items())
def test_what_looks_like_a_template_is_found(text, mark):
    assert mark_in(text) == mark


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_are_left_alone(text):
    assert mark_in(text) is None


def configuration(**request):
    written = {"url": "https://example.com/hook"} | request
    return f"""\
version: 1
sources:
  crm: {{type: drop_directory, path: drop, object: contacts}}
webhooks:
  hook: {{source: crm, object: contacts, request: {json.dumps(written)}}}
"""


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        ({"url": "https://example.com/%7B%7Bid%7D%7D"}, "url"),
        ({"url": "https://example.com/contacts/:id?x=1"}, "url"),
        ({"headers": {"X-Id": "{{ record.id }} {id}"}}, "headers.X-Id"),
        ({"headers": {"X-Id": "${ID}"}}, "headers.X-Id"),
        ({"headers": {"X-Id": "tenant <id>"}}, "headers.X-Id"),
        ({"body": {"static": {"a": {"b": ["c", "{name}"]}}}}, "body.static.a.b[1]"),
        ({"body": {"static": {"{{ key }}": 1}}}, "body.static.{{ key }}"),
        ({"body": {"properties": [{"property": "a", "as": "{b}"}]}}, "body.properties[0].as"),
        ({"body": {"properties": ["{{ email }}"]}}, "body.properties[0]"),
        (
            {"method": "GET", "query": {"properties": [{"property": "a", "as": "${b}"}]}},
            "query.properties[0].as",
        ),
    ],
)
def test_each_place_that_is_sent_is_looked_at(loaded, request_, where):
    (warning,) = loaded(configuration(**request_)).warnings

    assert warning.where == f"webhooks.hook.request.{where}"
    assert "looks like a template, and is sent as it stands" in str(warning)
    assert warning.line == 5


def test_no_warning_shows_what_may_be_a_secret(loaded):
    secret = "c4n4ryQz81XkPv0LmR7wTt2Y"
    text = configuration(
        url=f"https://example.com/in?token=%7B{secret}%7D", headers={"X-Api-Key": f"{{{secret}}}"}
    )

    told = "".join(map(str, loaded(text).warnings))

    assert told.count("looks like a template") == 2
    assert secret not in told


def test_a_request_without_templates_is_not_warned_of(loaded):
    body = {"properties": ["email"], "static": {"note": "50 % of {} <b>", "n": 1, "x": None}}
    request = {"url": "https://example.com/a:b?c=$d", "headers": {"X-A": "a"}, "body": body}

    assert loaded(configuration(**request)).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "{% raw %}{{ id }}{% endraw %}",
        "a {%- raw -%} ${id} {% endraw %} {{ record.id }}",
        "{# ${id} #}x",
        "{{ '}}${id}' }}",
        "{{ \"it's }} {x}\" }} {{ properties['{a}'] }}",
    ],
)
def test_what_a_template_says_on_purpose_is_not_warned_of(loaded, text):
    request = {"headers": {"X-A": text}, "body": {"template": {"a": text, "b": [text]}}}

    assert loaded(configuration(**request)).warnings == ()


def test_what_another_tool_would_fill_in_is_warned_of_in_a_template(loaded):
    text = "{{ record.id }} {% raw %}{{{% endraw %} ${id}"

    (warning,) = loaded(configuration(body={"template": {"a": text}})).warnings

    assert "'${id}' looks like a template" in str(warning)


@given(st.text(st.sampled_from("{}%#'\"\\ raw-+x"), max_size=60) | st.just("{{'" * 2700))
def test_whatever_stands_there_is_read_in_no_time(text):
    assert len(without_marked(text)) <= len(text)


@pytest.mark.parametrize("path", ["{id}", "{{ record.id }}{x}", "${ID}", "<id>", "%(id)s", "a{b"])
def test_a_template_in_a_url_is_not_to_be_encoded(loaded, path):
    with pytest.raises(ConfigError) as refused:
        loaded(configuration(url=f"https://example.com/contacts/{path}"))

    (problem,) = refused.value.problems
    assert problem.where == "webhooks.hook.request.url"
    assert "{{ record.id }}" in problem.message
    assert "encode" not in problem.message
    assert "%25" not in problem.message
