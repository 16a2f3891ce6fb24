"""URLs and headers of templates: live text, frozen values, and nothing that leads elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import a_delivery
from webhookd.config.templates.live_templates import live_templates, url_template
from webhookd.config.templates.segments import ExpressionError
from webhookd.definitions import PLAIN, Request, Webhook
from webhookd.model import Change, ChangeKind, Deletion, Secret
from webhookd.rules.render import render
from webhookd.rules.templating.live_parts import LiveParts
from webhookd.rules.templating.unfilled import UnfilledError
from webhookd.rules.url_encoding import with_bare_semicolons, without_bare_semicolons

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
SECRETS = {"path": Secret("services/T0/x+y"), "key": Secret("k&=?/ 1")}


def stored(url, headers=None, properties=None, **changes):
    """Return the delivery that a change makes of a webhook with this URL and these headers."""
    change = Change(
        ChangeKind.UPDATED, "crm", "contacts", "7", properties or {}, {"old": '"o"'}, AT
    )
    live = live_templates(url, headers or {}, PLAIN)
    request = Request("PUT", url, headers=tuple((headers or {}).items()), live=live)
    webhook = Webhook("hook", "crm", "contacts", request)
    made = render(webhook, replace(change, **changes), delivery_id="0198")
    return a_delivery("hook", id="0198", source="crm", record_id="7", rendered=made), live


def url_of(live, delivery, secrets, written=without_bare_semicolons):
    """Return the URL of one attempt at the delivery, by the templates in force."""
    parts = LiveParts(live, written)
    return parts.url(parts.scope(delivery), secrets)


def filled_url(url, properties=None, written=without_bare_semicolons, **changes):
    delivery, live = stored(url, properties=properties, **changes)
    return url_of(live, delivery, SECRETS, written)


def filled_headers(headers, properties=None):
    delivery, live = stored("https://example.com/", headers, properties)
    parts = LiveParts(live, without_bare_semicolons)
    return list(parts.headers(parts.scope(delivery), SECRETS))


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://example.com/c/{{ record.id }}", "https://example.com/c/7"),
        ("https://example.com/{{ record.id }}/x?a=b", "https://example.com/7/x?a=b"),
        ("https://example.com:8443/a{{ record.id }}b/", "https://example.com:8443/a7b/"),
        ("https://example.com/?id={{ record.id }}&x=1", "https://example.com/?id=7&x=1"),
        ("https://example.com?id=a{{ record.id }}", "https://example.com/?id=a7"),
        ("https://example.com/{{ properties.v }}", "https://example.com/%2F..%3F%23%25%20%C3%BC"),
        ("https://example.com/?v={{ properties.v }}", "https://example.com/?v=/..?%23%25%20%C3%BC"),
        ("https://example.com/{{ previous.old }}", "https://example.com/o"),
        ("https://example.com/{{ secrets.path }}", "https://example.com/services/T0/x+y"),
        ("https://example.com/?k={{ secrets.key }}", "https://example.com/?k=k%26%3D?/%201"),
        ("https://example.com/{{ changed | join('-') }}", "https://example.com/old-v"),
        (
            "https://example.com/{{ change.kind }}/{{ change.type }}",
            "https://example.com/updated/contacts.updated",
        ),
        (
            "https://example.com/{{ change.occurred_at }}",
            "https://example.com/2026-03-01T08%3A30%3A00.000Z",
        ),
        ("https://example.com/{{ properties.none | default('none') }}", "https://example.com/none"),
        ("https://example.com/{% raw %}a{% endraw %}{{ record.id }}", "https://example.com/a7"),
        ("https://example.com/{{ '/?' if record.id == 7 else 'a' }}", "https://example.com/%2F%3F"),
    ],
)
def test_values_are_encoded_for_where_they_stand(url, sent):
    assert filled_url(url, {"v": '"/..?#% ü"'}) == sent


def test_a_semicolon_is_written_as_the_signature_asks():
    url, values = "https://example.com/{{ properties.v }}?v={{ properties.v }}", {"v": '"a;b"'}

    assert filled_url(url, values) == "https://example.com/a%3Bb?v=a%3Bb"
    assert filled_url(url, values, with_bare_semicolons) == "https://example.com/a%3Bb?v=a;b"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "/{{ properties.none }}",
            "the URL's path would have an empty segment, from properties.none",
        ),
        ("/a/{{ properties.dots }}/b", "the URL's path would hold '..', from properties.dots"),
        ("/{{ properties.dot }}{{ properties.dot }}", "hold '..', from properties.dot"),
        ("/{{ properties.dot }}", "hold '.', from properties.dot"),
        ("/%2E{{ properties.dot }}", "hold '..', from properties.dot"),
        ("/{{ properties.none | default('') }}?a=b", "an empty segment, from properties.none"),
        ("/{{ secrets.gone }}", "the secret 'gone' is not in 'secrets'"),
        ("/?a={{ secrets.gone }}", "the secret 'gone' is not in 'secrets'"),
    ],
)
def test_what_leads_away_is_never_sent(url, message):
    with pytest.raises(UnfilledError) as caught:
        filled_url(f"https://example.com{url}", {"dot": '"."', "dots": '".."'})

    assert message in str(caught.value)
    assert caught.value.reason == ("secret" if "secret" in message else "url")


@pytest.mark.parametrize("secret", ["/T0/x9", "T0/x9/", "T0//x9", "T0/../x9"])
@pytest.mark.parametrize("segment", ["{{ secrets.s }}", "{{ secrets.s if record.id else 'a' }}"])
def test_a_secret_that_leads_away_is_not_sent_and_not_shown(secret, segment):
    delivery, live = stored(f"https://example.com/hooks/{segment}")

    with pytest.raises(UnfilledError) as caught:
        url_of(live, delivery, {"s": Secret(secret)})

    assert "secrets.s" in str(caught.value)
    assert "x9" not in str(caught.value)
    assert caught.value.reason == "url"


@pytest.mark.parametrize("url", ["https://example.com/{}", "https://example.com/?a={}"])
def test_what_grows_beyond_the_bound_is_not_sent_and_no_bug(url):
    grown = "{{ properties.a | replace('a', properties.b) }}"
    values = {"a": json.dumps("a" * 4000), "b": json.dumps("b" * 4000)}

    with pytest.raises(UnfilledError, match="larger than 8,388,608 bytes") as caught:
        filled_url(url.format(grown), values)
    with pytest.raises(UnfilledError, match="larger than 8,388,608 bytes"):
        filled_headers({"X-A": grown}, values)

    assert caught.value.reason == "url"


def test_the_url_and_the_headers_have_the_bound_each():
    grown = "{{ (properties.a | replace('a', properties.b)) == 1 }}"
    values = {"a": json.dumps("a" * 2500), "b": json.dumps("b" * 2500)}
    delivery, live = stored(f"https://example.com/{grown}", {"X-A": grown}, values)
    parts = LiveParts(live, without_bare_semicolons)
    scope = parts.scope(delivery)

    assert parts.url(scope, {}) == "https://example.com/false"
    assert list(parts.headers(scope, {})) == [("X-A", "false")]


def test_an_absent_value_in_a_query_is_an_empty_one():
    assert filled_url("https://example.com/?a={{ properties.none }}") == "https://example.com/?a="


def test_the_template_is_live_and_its_values_are_those_that_were_stored():
    delivery, _ = stored("https://old.example.com/{{ properties.v }}", properties={"v": '"a"'})
    live = live_templates(
        "https://new.example.com/x/{{ properties.v }}?id={{ record.id }}", {}, PLAIN
    )

    assert url_of(live, delivery, {}, str) == "https://new.example.com/x/a?id=7"


def test_a_new_name_that_was_not_kept_is_said():
    delivery, _ = stored("https://example.com/{{ properties.v }}", properties={"v": '"a"'})
    for name in ("properties.region", "previous.v", "changed", "change.occurred_at"):
        live = live_templates(f"https://example.com/{{{{ {name} or 1 }}}}", {}, PLAIN)
        with pytest.raises(UnfilledError, match=f"asks for {name}, which this delivery does not"):
            url_of(live, delivery, {}, str)


def test_nothing_is_kept_of_what_the_row_says_anyway():
    url = "https://example.com/{{ record.id }}/{{ record.object }}/{{ change.kind }}"
    delivery, _ = stored(url, {"X-Hook": "{{ webhook.name }}"})

    assert delivery.rendered.values is None


def test_an_absent_value_is_kept_as_absent():
    delivery, live = stored("https://example.com/?a={{ properties.none | default('b') }}")

    assert delivery.rendered.values == {"properties.none": "null"}
    assert url_of(live, delivery, {}, str) == "https://example.com/?a=b"


def test_a_date_is_one_at_the_attempt_too():
    url = "https://example.com/?a={{ properties.d | date('%Y') }}"
    delivery, live = stored(url, properties={"d": '"1772407800000"'}, instants=frozenset({"d"}))

    assert url_of(live, delivery, {}, str) == "https://example.com/?a=2026"


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("plain", "plain"),
        ("a b", "a b"),
        (" a ", "%20a%20"),
        ("  ", "%20%20"),
        ("", ""),
        ("50 %", "50 %25"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil: 1"),
        ("ü✓\u2028\x00\x7f\ud800", "%C3%BC%E2%9C%93%E2%80%A8%00%7F%EF%BF%BD"),
    ],
)
def test_a_header_carries_every_value_as_ascii(value, sent):
    headers = {"X-A": "{{ properties.v }}", "X-B": "T {{ properties.v }}."}

    found = filled_headers(headers, {"v": json.dumps(value)})

    assert found[0] == ("X-A", sent)
    assert found[1][1].isascii()
    assert unquote(found[1][1], errors="strict").encode("utf-16", "surrogatepass") == (
        f"T {value}.".replace("\ud800", "\ufffd").encode("utf-16")
    )


def test_a_header_may_be_omitted_and_may_hold_a_secret():
    headers = {
        "X-Owner": "{{ properties.owner | default(omit) }}",
        "X-Key": "Splunk {{ secrets.key }}",
        "X-Id": "{{ delivery.id }}",
    }

    assert filled_headers(headers) == [("X-Key", "Splunk k&=?/ 1"), ("X-Id", "0198")]


@pytest.mark.parametrize(
    "url",
    [
        "https://{{ record.id }}.example.com/",
        "{{ record.id }}",
        "https://example.com{{ record.id }}",
        "https://example.com:{{ record.id }}/",
        "{{ record.id }}://example.com/",
        "https://{{ record.id }}/",
        "//{{ record.id }}/a",
    ],
)
def test_no_expression_stands_in_scheme_host_or_port(url):
    with pytest.raises(ExpressionError, match="behind the first '/' after the host"):
        url_template(url)


@pytest.mark.parametrize(
    "url", ["https://a.example/?{{ record.id }}=1", "https://a.example/?a=1&{{ record.id }}"]
)
def test_no_expression_is_the_name_of_a_parameter(url):
    with pytest.raises(ExpressionError, match="in the value of a parameter"):
        url_template(url)


HOSTILE = st.one_of(
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from([".", "..", "/", "//", "%2e%2E", "..;/", "\\..\\", "@evil.example", "a?b#c"]),
)


@given(HOSTILE, HOSTILE)
def test_no_value_changes_host_path_or_parameters(first, second):
    values = {"v": json.dumps(first), "w": json.dumps(second)}
    whole = first.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole_second = second.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        url = filled_url(
            "https://example.com/a/{{ properties.v }}/b?x={{ properties.w }}&y=1", values
        )
    except UnfilledError:
        assert first in {"", ".", ".."}
        return

    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "example.com", "")
    assert parts.path == f"/a/{quote(whole, safe='')}/b"
    pairs = parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=True)
    assert pairs == [("x", whole_second), ("y", "1")]


@pytest.mark.parametrize(
    ("deletion", "path"),
    [(None, "none/none"), (Deletion("merged", "9"), "merged/9"), (Deletion("gone"), "gone/none")],
)
def test_a_url_keeps_how_a_record_came_to_be_deleted(deletion, path):
    url = (
        "https://example.com/{{ change.deletion | default('none') }}"
        "/{{ change.merged_into | default('none') }}"
    )

    assert filled_url(url, deletion=deletion) == f"https://example.com/{path}"
