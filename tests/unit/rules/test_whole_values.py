"""Short secrets: hidden where one is a whole value, and nowhere else."""

from __future__ import annotations

import base64
import json
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import processor
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor

SHORT = [
    "s",
    "1",
    "info",
    "true",
    "2026",
    '"',
    "\\",
    "'",
    "🔑",
    "a b",
    "&",
    "%",
    "é",
    ",",
    "=",
    "[]",
]
WORDS = [
    "is:",
    "info,",
    "true",
    "since",
    "2026-11-27,",
    "1",
    "session;",
    "it's",
    '"so\\as"',
    "&",
    "🔑",
    "100%",
    "=é",
    ",",
]


@pytest.mark.parametrize("secret", SHORT)
def test_a_text_that_is_a_short_secret_is_hidden(secret):
    redactor = Redactor([Secret(secret)])

    for text in (secret, quote(secret, safe=""), f"Bearer {secret}"):
        assert secret not in redactor.text(text).replace("Bearer ", "")
        assert redactor.answer(text.encode(), is_cut=False).endswith("***")


@pytest.mark.parametrize("secret", SHORT)
@pytest.mark.parametrize(
    "dumped",
    [
        json.dumps,
        lambda value: json.dumps(value, ensure_ascii=False, indent=2),
        lambda value: json.dumps(json.dumps(value)),
        lambda value: json.dumps({"data": json.dumps(value), "other": [json.dumps([value])]}),
        lambda value: escape(json.dumps(value)),
    ],
    ids=["json", "indented", "json in json", "json in json thrice", "json in html"],
)
def test_a_json_text_that_is_a_short_secret_is_hidden(secret, dumped):
    value = {"key": secret, "many": [secret, "else", secret], "auth": f"Bearer {secret}"}
    found = Redactor([Secret(secret)]).answer(dumped(value).encode(), is_cut=False)

    assert found == dumped({"key": "***", "many": ["***", "else", "***"], "auth": "Bearer ***"})


@pytest.mark.parametrize("secret", SHORT)
def test_json_escaped_in_another_way_is_undone(secret):
    escaped = "".join(f"\\u{unit:04X}" for unit in _units(secret))
    found = Redactor([Secret(secret)]).answer(f'{{"key":"{escaped}"}}'.encode(), is_cut=False)

    assert found == '{"key":"***"}'


@pytest.mark.parametrize("secret", SHORT)
@pytest.mark.parametrize("encode", [quote_plus, lambda text: quote(text, safe="")])
def test_a_query_parameter_that_is_a_short_secret_is_hidden(secret, encode):
    value = encode(secret)
    redactor = Redactor([Secret(secret)])

    for text in (
        f"https://example.com/in?key={value}",
        f"no answer from https://example.com/in?a=b&key={value}&c=d: timeout",
        f"POST /in?key={value} HTTP/1.1",
        f'{{"url": "https://example.com/in?key={value}"}}',
        f"a=b&key={value}&c=d",
        f"key={value}",
    ):
        hidden = text.replace(f"key={value}", "key=***")
        assert redactor.text(text) == hidden
        assert redactor.answer(text.encode(), is_cut=False) == hidden


@pytest.mark.parametrize("secret", ["s", "1", "info", "true", "2026", "🔑"])
def test_a_header_for_secrets_that_is_a_short_secret_is_hidden(secret):
    text = f"Host: {secret}\r\nX-Api-Key: {secret}\r\nAuthorization: Bearer {secret}\r\n\r\nbody"
    found = Redactor([Secret(secret)]).answer(text.encode(), is_cut=False).replace("\\x0d", "\r")

    assert found == f"Host: {secret}\r\nX-Api-Key: ***\r\nAuthorization: Bearer ***\r\n\r\nbody"


@pytest.mark.parametrize("secret", SHORT)
@pytest.mark.parametrize(
    "text",
    [
        "the session is over: true since 2026 [info] 1",
        '{"status": 1, "ok": true, "at": "2026-11-27T10:00:00Z", "info": "as is, says 1"}',
        '["1s", "as", "2026-11", "info.", "s1", "trues", ";,", "[=]", "\\\\n", "\\"s\\""]',
        "refused: the answer's status was 1 (info), see https://example.com/s/1/info/true?s",
        "https://example.com/true/2026?info&at=2026-01&s=so&n=11#s=1",
        "018f2026-1111-7aaa-8bbb-d0af732852ce",
        "73 cw cw== 31",
        "level=information status=truest",
        "an \"s\" and 'info' within 'the \"2026\" text'",
        '5" pipe, "a","b", "c:":"d"',
        "",
    ],
)
def test_inside_of_other_texts_nothing_is_hidden(secret, text):
    redactor = Redactor([Secret(secret)])

    assert redactor.text(text) == text
    assert redactor.answer(text.encode(), is_cut=False) == text


@pytest.mark.parametrize("key", ["s", "info", "1", "true"])
def test_a_key_is_no_value(key):
    text = json.dumps({key: {key: [1, True]}})

    assert Redactor([Secret(key)]).answer(text.encode(), is_cut=False) == text


@given(st.lists(st.sampled_from(WORDS), min_size=2).map(" ".join))
def test_prose_stays_as_it_came(text):
    redactor = Redactor([Secret(secret) for secret in ("is", "s", "1", "info", "it's")])

    assert redactor.text(text) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    ),
    st.text(min_size=1, max_size=3).filter(str.strip),
)
def test_of_json_exactly_the_texts_that_are_the_secret_change(value, secret):
    def hidden(value):
        match value:
            case str():
                return "***" if value == secret else value
            case list():
                return [hidden(one) for one in value]
            case dict():
                return {key: hidden(one) for key, one in value.items()}
        return value

    found = Redactor([Secret(secret)]).text(json.dumps([value]))

    assert json.loads(found) == hidden([value])


def test_a_long_secret_in_short_pieces_is_short_without_its_prefix():
    redactor = Redactor([Secret("whsec_abc")])

    assert redactor.text("whsec_abc abc") == "*** abc"
    assert redactor.text("abc") == "***"


def test_basic_credentials_with_a_short_password_are_hidden_anywhere():
    pair = base64.b64encode(b"ada:pw1").decode()

    assert Redactor([Secret("pw1")], usernames=["ada"]).text(f"sent Basic {pair}!") == (
        "sent Basic ***==!"
    )


@processor.at_most(10)
@pytest.mark.parametrize("piece", ["[", '"', ": ", ' "', "?a=", "&", "x-key: ", "'[:\"", "\\"])
def test_texts_made_to_be_slow_are_not(piece):
    redactor = Redactor([Secret("s"), Secret('"'), Secret("a b")])

    assert redactor.text(piece * 20_000)
    assert redactor.answer((piece * 20_000).encode(), is_cut=True) is not None


def _units(text):
    raw = text.encode("utf-16-be")
    return [int.from_bytes(raw[place : place + 2]) for place in range(0, len(raw), 2)]
