"""What is kept of an attempt's URL and headers: all of it but secrets, within a bound."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.delivery.exchange_heads import ExchangeHeads
from webhookd.delivery.signed_request import SignedRequest, head_of
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor

SECRET = "canary-of-a-secret"
NOBODY = Redactor(())


def request(url="https://e.example/hook", fixed=(), others=(), rest=None):
    target = httpx.URL(url).raw_path.decode()
    begun, _ = head_of("POST", target, [("host", "e.example"), *fixed])
    own = [("webhook-id", "d-1"), ("webhook-timestamp", "1")]
    head, lines = head_of("POST", target, [("host", "e.example"), *fixed, *own, *others])
    shown = [f"{n}: {v}" for n, v in (others if rest is None else rest)]
    is_templated = rest is not None
    return SignedRequest(
        *("POST", url, target, url, head, lines, b"", url, begun), shown, is_templated
    )


def test_url_and_headers_are_kept_a_line_each():
    sent = request(fixed=[("x-own", "kept")], others=[("content-length", "2"), ("X-Sig", "abc=")])

    assert ExchangeHeads().sent(sent, NOBODY).split("\n") == [
        "https://e.example/hook",
        "host: e.example",
        "x-own: kept",
        "content-length: 2",
        "X-Sig: abc=",
    ]


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (("authorization", f"Bearer {SECRET}"), "authorization: Bearer ***"),
        (("x-api-key", "a literal one"), "x-api-key: ***"),
        (("x-own", f"a{SECRET}b"), "x-own: a***b"),
        (("x-short", "1"), "x-short: ***"),
        (("x-other", "10"), "x-other: 10"),
    ],
)
def test_secrets_are_not(header, kept):
    redactor = Redactor([Secret(SECRET), Secret("1")])

    assert ExchangeHeads().sent(request(fixed=[header]), redactor).split("\n")[2] == kept
    assert ExchangeHeads().sent(request(rest=[header]), redactor).split("\n")[2] == kept


def test_secrets_of_a_url_are_not_kept():
    url = f"https://hooks.slack.com/services/T1/B2/{SECRET}?key={SECRET}"

    assert SECRET not in ExchangeHeads().sent(request(url), NOBODY)
    assert SECRET not in ExchangeHeads().sent(
        request(f"https://e.example/?q={SECRET}"), Redactor([Secret(SECRET)])
    )


def test_what_a_receiver_echoes_or_sets_is_not_kept():
    headers = [
        (b"X-Echo", f"Bearer {SECRET}".encode()),
        (b"Set-Cookie", b"session=canary"),
        (b"X-Text", "ä\x1b[2J".encode()),
    ]

    kept = ExchangeHeads().answered(headers, Redactor([Secret(SECRET)]))

    assert kept.split("\n")[:2] == ["X-Echo: Bearer ***", "Set-Cookie: ***"]
    assert "canary" not in kept
    assert "\x1b" not in kept


def test_what_was_remembered_is_forgotten_with_the_redactor():
    heads, sent = ExchangeHeads(), request(fixed=[("x-own", SECRET)])
    answer = [(b"X-Own", SECRET.encode())]
    assert SECRET in heads.sent(sent, NOBODY)
    assert SECRET in heads.answered(answer, NOBODY)

    redactor = Redactor([Secret(SECRET)])

    assert SECRET not in heads.sent(sent, redactor)
    assert SECRET not in heads.answered(answer, redactor)


def test_a_secret_at_the_edge_of_the_bound_is_not_kept_in_half():
    for before in range(560, 610):
        value = "x" * before + SECRET
        kept = ExchangeHeads().sent(request(fixed=[("x-own", value)]), Redactor([Secret(SECRET)]))
        assert "can" not in kept


@given(
    names=st.lists(st.text("abcX-", min_size=1, max_size=2000), max_size=60),
    value=st.text(st.characters(max_codepoint=255), max_size=3000),
    path=st.text("abc/", max_size=4000),
)
def test_whatever_is_sent_and_answered_stays_below_4_kib(names, value, path):
    heads = ExchangeHeads()
    clean = "".join(one for one in value if one.isprintable())
    pairs = [(name, clean) for name in names]
    sent = heads.sent(request(f"https://e.example/{path}", fixed=pairs, others=pairs), NOBODY)
    answered = heads.answered([(n.encode(), v.encode("latin-1")) for n, v in pairs], NOBODY)

    assert len(sent) + len(answered) <= 4096
    assert all(line.isprintable() for line in (sent + answered).split("\n"))


def test_what_has_no_room_is_counted():
    pairs = [(f"x-{number}", "y" * 300) for number in range(20)]
    kept = ExchangeHeads().answered([(n.encode(), v.encode()) for n, v in pairs], NOBODY)

    assert kept.count("\nx-") == 2
    assert kept.endswith("\n…: 17 more headers, for which there is no room")
