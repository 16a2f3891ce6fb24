"""What receivers echo: secrets are found however they were written, as far as it can be undone."""

from __future__ import annotations

import base64
import html
import json
import textwrap
import time
from itertools import product
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.model import Secret
from webhookd.rules.escapes import undone
from webhookd.rules.redaction import Redactor

SECRET = "aB+c/d=e&f<g>'h\"i\\j k%41~é.Z"

ONCE = {
    "as it is": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json of .NET": lambda text: "".join(
        f"\\u{ord(c):04X}" if not c.isalnum() else c for c in text
    ),
    "json of Go": lambda text: (
        json.dumps(text)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c")
    ),
    "json all escaped": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "braces": lambda text: "".join(f"\\u{{{ord(c):x}}}" for c in text),
    "python bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "handlebars": lambda text: html.escape(text).replace("=", "&#x3D;").replace("`", "&#x60;"),
    "decimal entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "hex entities": lambda text: "".join(f"&#x{ord(c):X};" for c in text),
    "named entities": lambda text: (
        html.escape(text).replace("+", "&plus;").replace("=", "&equals;")
    ),
    "percent": lambda text: quote(text, safe=""),
    "percent in lower case": lambda text: quote(text, safe="").lower(),
    "percent all": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "form": quote_plus,
    "slashes": lambda text: text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"'),
    "upper case": str.upper,
    "utf-16": lambda text: text.encode("utf-16-le").decode("latin-1").replace("\xe9\0", "é\0"),
    "wrapped": lambda text: "\r\n".join(textwrap.wrap(text, 5, drop_whitespace=False)),
}
BASE64 = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 wrapped": lambda text: base64.encodebytes((text * 3).encode()).decode(),
    "hex": lambda text: text.encode().hex(),
}


def shown(echo: str) -> str:
    return Redactor([Secret(SECRET)]).answer(echo.encode(), is_cut=False)


@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("around", ["{}", 'got "{}" from you', "<p>{}</p>", "?a={}&b=c"])
def test_a_secret_is_hidden_however_it_was_written(name, around):
    before, after = around.split("{}")

    found = shown(f"{before}{ONCE[name](SECRET)}{after}")

    assert found.startswith(before)
    assert found.removeprefix(before).startswith("***")
    assert found.endswith(after)
    assert len(found) <= len(around) + 6


@pytest.mark.parametrize(("first", "second"), list(product(ONCE, ONCE)))
def test_a_secret_that_was_written_twice_is_hidden(first, second):
    found = shown(f"-{ONCE[second](ONCE[first](SECRET))}-")

    assert undone(SECRET).text[2:-2] not in undone(found).text


@pytest.mark.parametrize(("first", "second"), list(product(BASE64, ONCE)))
def test_base64_and_hex_are_hidden_when_they_are_written_once_more(first, second):
    inner = BASE64[first](SECRET)
    found = shown(f"-{ONCE[second](inner)}-")

    middle = undone(inner).text[8:24]
    assert middle not in undone(found).text


def test_what_is_no_secret_stays_as_it_came():
    echo = '{"error": "caf\\u00e9 100%25 &amp; \\"x\\" C:\\\\dir\\n"}'

    assert shown(echo) == echo


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.integers(0, 4))
def test_places_lead_back_into_the_text(text, times):
    for _ in range(times):
        text = json.dumps(text)[1:-1]
    found = undone(text)

    assert len(found.text) == len(found.starts) == len(found.ends)
    assert list(found.starts) == sorted(found.starts)
    places = zip(found.starts, found.ends, strict=True)
    assert all(0 <= start < end <= len(text) for start, end in places)


@pytest.mark.parametrize("name", ["json all escaped", "percent all", "hex entities"])
def test_the_beginning_of_a_written_secret_at_a_cut_end_is_hidden(name):
    whole = ONCE[name](SECRET)
    for length in range(len(whole) // 4, len(whole)):
        echo = f"it was {whole[:length]}"
        found = Redactor([Secret(SECRET)]).answer(echo.encode(), is_cut=True)
        assert found == "it was ***"


@pytest.mark.parametrize("end", ["", "x=y", "77%", "C:\\\\", "&q", "\\u00e"])
def test_a_cut_end_that_begins_no_secret_stays(end):
    found = Redactor([Secret("0123456789")]).answer(f"it was {end}".encode(), is_cut=True)

    assert found == f"it was {end}"


def test_an_answer_of_the_largest_size_takes_no_time():
    """Whatever is in it: each pass is linear, and there are few."""
    redactor = Redactor([Secret(SECRET)])
    for piece in ("\\\\u0041", "%25252541", "&amp;amp;", "\\" * 8, "=3D"):
        body = (piece * 20_000)[:65_536].encode()
        started = time.process_time()
        redactor.answer(body, is_cut=True)
        assert time.process_time() - started < 1
