"""Secrets out of text."""

from __future__ import annotations

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import processor
from webhookd.definitions import Basic, Definitions, Egress, OAuth2, Request, Webhook
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.rules.url_encoding import header_encoded

CANARY = "cånary/<s3cret>+\"key\" & 'more'~"
PLAIN = "Canary0123456789canary"
AROUND = st.text("xyzXYZ ,;[]_", max_size=20)
# Of letters that never stand around it, so that what is left of it can be told.
SECRETS = st.text("abcdeåß日🚀/<>&\"+% '=", min_size=8, max_size=40)


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


ENCODERS = {
    "as it is": str,
    "percent": lambda s: quote(s, safe=""),
    "percent but slashes": quote,
    "plus": quote_plus,
    "json": lambda s: json.dumps(s)[1:-1],
    "json in utf-8": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "json with slashes": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "html": html.escape,
    "html in decimal": lambda s: html.escape(s).replace("&#x27;", "&#39;"),
    "forms of browsers": lambda s: quote_plus(s, safe="*").replace("~", "%7E"),
    "components of addresses": lambda s: quote(s, safe="!'()*"),
    "headers": header_encoded,
    "hex": lambda s: s.encode().hex(),
    "upper hex": lambda s: s.encode().hex().upper(),
    "base64": base64_of,
    "url-safe base64": lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS.keys())
@settings(max_examples=30)
@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_a_secret_is_replaced_in_every_form(encode, secret, before, after):
    assume(secret.strip())
    text = f"{before}|{encode(secret)}|{after}"
    known, learned = Redactor([Secret(secret)]), Redactor([Secret(PLAIN)]).also(Secret(secret))

    for found in (
        known.text(text),
        known.answer(text.encode(), is_cut=False),
        learned.text(text),
        learned.answer(text.encode(), is_cut=False),
    ):
        assert encode(secret) not in found
        assert found.startswith(f"{before}|***")
        assert found.rstrip("=").endswith(f"|{after}".rstrip("="))


@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("length", range(8, 14))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_what_base64_of_a_longer_text_says_of_a_secret_is_replaced(before, length, encode):
    secret = "~?>" + PLAIN[: length - 3]
    one, other = (
        encode(filler * before + secret.encode() + filler * 6).decode()
        for filler in (b"\x55", b"\xaa")
    )
    of_secret = [place for place in range(len(one)) if one[place] == other[place] != "="]

    found = Redactor([Secret(secret)]).text(one)

    assert found == one[: of_secret[0]] + "***" + one[of_secret[-1] + 1 :]


def test_a_short_password_is_replaced_in_basic_authentication():
    pair = base64_of("ada:pw1")

    assert Redactor([Secret("pw1")], usernames=["ada"]).text(f"Basic {pair}") == "Basic ***=="


def test_a_plan_gives_its_secrets_and_the_names_that_go_with_passwords():
    request = Request("POST", "https://example.com/", Basic("ada", Secret("pw1")))
    webhooks = {"w": Webhook("w", "crm", "contacts", request)}
    definitions = Definitions(
        "hash", Egress(), {}, webhooks, secrets=(Secret("pw1"), Secret("another1"))
    )

    assert Redactor.of(definitions).text(f"another1|{base64_of('ada:pw1')}") == "***|***=="
    assert Redactor.of(definitions).text("pw1") == "***"


@pytest.mark.parametrize("client_id", ["erp:1 &", Secret("erp:1 &")], ids=["text", "secret"])
def test_what_a_token_is_asked_with_is_hidden(client_id):
    client = OAuth2(
        "https://login.example.com/token?api_key=k3y-of-the-server",
        client_id,
        Secret("s3cr%et+&=x:"),
        parameters=(("audience", "https://api.example.com"), ("api_token", "t0ken-of-the-form")),
    )
    webhooks = {"w": Webhook("w", "crm", "c", Request("POST", "https://example.com/", client))}
    redactor = Redactor.of(Definitions("hash", Egress(), {}, webhooks))

    pair = base64_of("erp%3A1+%26:s3cr%25et%2B%26%3Dx%3A")
    told = f"Basic {pair} k3y-of-the-server t0ken-of-the-form https://api.example.com"
    assert redactor.text(told) == "Basic *** *** *** https://api.example.com"


def test_escapes_in_lower_case_are_replaced_too():
    assert Redactor([Secret("se/cr&et")]).text("-se%2fcr%26et-se%2Fcr%26et-") == "-***-***-"


def test_the_key_of_a_standard_webhooks_secret_goes_with_and_without_its_prefix():
    key = base64.b64encode(bytes(range(32))).decode()

    assert Redactor([Secret("whsec_" + key)]).text(f"whsec_{key} {key}") == "*** ***"


def test_the_longest_secret_goes_first_and_overlapping_ones_go_together():
    redactor = Redactor([Secret("abcdefgh"), Secret("abcdefghijkl"), Secret("ijklmnop")])

    assert redactor.text("-abcdefghijkl-abcdefgh-abcdefghij-") == "-***-***-***ij-"
    assert redactor.text("-abcdefghijklmnop-") == "-***-"


def test_without_secrets_text_stays_as_it_is():
    for redactor in (Redactor([]), Redactor([Secret("")])):
        assert redactor.text("as it is\x1b") == "as it is\x1b"
        assert redactor.answer(b"as it is", is_cut=True) == "as it is"


@given(
    st.sampled_from([PLAIN, CANARY, "1b" * 20]), st.integers(0, 80), st.sampled_from([10, 64, 2048])
)
def test_a_secret_at_the_cut_leaves_nothing_of_it(secret, kept, limit):
    for form in (secret, quote_plus(secret), secret.encode().hex(), base64_of(secret)):
        body = ("-" * 7 + form.rstrip("=")).encode()[: 7 + kept]
        found = Redactor([Secret(secret)]).answer(body, limit=limit, is_cut=True)

        assert found in {("-" * 7 + mark)[:limit] for mark in ("", "***")}


@given(st.integers(0, 200), st.integers(1, 60), st.integers(0, 40))
def test_replacing_slides_no_half_secret_into_what_is_kept(room, times, rest):
    body = ("." * room + PLAIN * times + PLAIN[:rest]).encode()

    found = Redactor([Secret(PLAIN)]).answer(body, limit=200, is_cut=True)

    assert set(found) <= set(".*")


@given(st.integers(0, 600), st.integers(1, 400))
def test_an_answer_longer_than_is_looked_at_counts_as_cut(room, limit):
    body = ("." * room + PLAIN * 100).encode()

    found = Redactor([Secret(PLAIN)]).answer(body, limit=limit, is_cut=False)

    assert set(found) <= set(".*")


def test_a_cut_that_lies_in_a_longer_secret_leaves_no_end_of_a_shorter_one():
    redactor = Redactor([Secret("abcdefgh"), Secret("abcdefghijkl"), Secret("hx345678")])

    assert redactor.answer(b"-abcdefghij", is_cut=True) == "-***"
    assert redactor.answer(b"-abcdefgh", is_cut=True) == "-***"
    assert redactor.answer(b"-abcdefgh", is_cut=False) == "-***"


def test_a_cut_inside_a_character_of_a_secret_leaves_nothing_of_it():
    body = "-cån".encode()[:3]

    assert Redactor([Secret(CANARY)]).answer(body, is_cut=True) == "-***"


def test_bytes_that_are_no_utf_8_are_read_as_latin_1():
    assert Redactor([]).answer(b"a\xff\xc3(b\xc3\x80\x80", is_cut=False) == "aÿÃ(bÀ\\x80"


def test_control_characters_are_escaped_but_tab_and_newline():
    body = "a\tb\n\x1b[31m\r\x00\x7f\x9b\u202e\u2066ä🚀".encode()

    assert Redactor([]).answer(body, is_cut=False) == (
        "a\tb\n\\x1b[31m\\x0d\\x00\\x7f\\x9b\\u202e\\u2066ä🚀"
    )


@given(st.binary(max_size=300), st.integers(0, 100), st.booleans())
def test_an_answer_is_short_safe_text(body, limit, is_cut):
    found = Redactor([Secret(CANARY)]).answer(body, limit=limit, is_cut=is_cut)

    assert len(found.encode()) <= limit
    assert all(c in "\t\n" or ord(c) >= 0x20 for c in found)


@given(st.binary(max_size=100), st.sampled_from(["abababab", "\\x0\\x0\\x0", "********", "x" * 8]))
def test_no_secret_stays_whatever_stands_around_it(body, secret):
    found = Redactor([Secret(secret)]).text(body.decode("latin-1"))

    assert secret not in found.replace("***", "\n")


def test_one_more_secret_makes_another_redactor():
    before = Redactor([Secret("abcdefgh")], usernames=["ada"])
    after = before.also(Secret("password1")).also(Secret("pw2"))

    assert before.text("abcdefgh password1 pw2") == "*** password1 pw2"
    assert after.text("abcdefgh password1 pw2") == "*** *** pw2"
    assert after.text("pw2") == "***"
    assert after.text(f"Basic {base64_of('ada:pw2')}") == "Basic ***=="
    assert after.also(Secret("password1"), Secret("abcdefgh"), Secret("pw2")) is after


@given(st.lists(st.tuples(st.binary(max_size=6), st.sampled_from([3, 9]), st.booleans())))
def test_an_answer_that_was_looked_through_before_is_shown_alike(asked):
    once = Redactor([Secret("k3y-1n-h3re")])

    for body, limit, is_cut in [(b"k3y-1n-h3re", 99, False), *asked, *asked]:
        anew = Redactor([Secret("k3y-1n-h3re")]).answer(body, limit=limit, is_cut=is_cut)
        assert once.answer(body, limit=limit, is_cut=is_cut) == anew


def test_the_end_of_an_answer_that_begins_a_learned_secret_goes_too():
    redactor = Redactor([Secret("abcdefgh")]).also(Secret("learned-later"))

    assert redactor.answer(b"-abcdefgh-learned-l", is_cut=True) == "-***-***"


def test_two_redactors_joined_hide_what_either_hides():
    began = Redactor([Secret("of-yesterday"), Secret("s")])
    now = Redactor([Secret("of-today")]).also(Secret("learned1"), Secret("pw"))

    for both in (began.joined(now), now.joined(began)):
        assert both.text("of-yesterday of-today learned1") == "*** *** ***"
        assert both.text('["s", "pw", "is"]') == '["***", "***", "is"]'


def test_halves_of_surrogate_pairs_around_a_secret_stay_as_they_are():
    assert Redactor([Secret("abcdefgh")]).text("\ud800abcdefgh\udc80") == "\ud800***\udc80"


def test_a_redactor_does_not_show_what_it_hides():
    redactor = Redactor([Secret(PLAIN)], usernames=["ada"])

    assert PLAIN not in repr(redactor)


@processor.at_most(10)
def test_a_long_text_and_a_thousand_secrets_take_no_time():
    secrets = [Secret(f"whsec_{base64_of(str(n) * 12)}") for n in range(1000)]

    found = Redactor(secrets).answer(b"whsec_" * 11_000, is_cut=False)

    assert found.startswith("whsec_whsec_")


HEADER = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjEyMzQ1Njc4OTAxMjM0NTYifQ."
"""What tokens of one server begin with, all of them."""


def test_long_secrets_with_one_beginning_are_told_apart_at_their_ends():
    one, other, third = (HEADER + end for end in ("first" * 40, "second" * 40, "third" * 40))
    redactor = Redactor([Secret(one)]).also(Secret(other)).also(Secret(third))

    assert redactor.text(f"{one} {third[:-1]} {other} {third} {HEADER}") == (
        f"*** {third[:-1]} *** *** {HEADER}"
    )
    assert redactor.text(one + one) == "******"
    assert redactor.text(quote(other, safe="")) == "***"


@given(
    beginning=st.integers(0, 100).map(lambda length: ("abc" * 40)[:length]),
    ends=st.lists(st.text("abc", min_size=8, max_size=60), min_size=1, max_size=4, unique=True),
    text=st.lists(st.integers(0, 3) | st.text("abc", max_size=60), max_size=6),
)
def test_whatever_the_length_secrets_are_found_exactly(beginning, ends, text):
    secrets = [beginning + end for end in ends]
    parts = [one if isinstance(one, str) else secrets[one % len(secrets)] for one in text]
    written = "|".join(parts)

    shown = Redactor(map(Secret, secrets)).text(written)

    assert not any(secret in shown for secret in secrets)
    if not any(secret in written for secret in secrets):
        assert shown == written


def test_tokens_of_a_kilobyte_cost_a_moment_each():
    """Each token that arrives is added while deliveries wait for the event loop."""
    redactor, began = Redactor(()), time.process_time()
    for number in range(30):
        redactor = redactor.also(Secret(f"{number:04}" + HEADER + "x7" * 500))

    assert time.process_time() - began < 2
