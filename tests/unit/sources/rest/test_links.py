"""Links in answers: only path and query are followed, at the origin of the base URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.sources.rest.answers.links import ForeignLinkError, next_of, target

BASE = "https://api.example.com/v2"
ASKED = f"{BASE}/items?limit=10"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (f"{BASE}/items?page=2", "/v2/items?page=2"),
        ("/v2/items?page=2", "/v2/items?page=2"),
        ("items?page=2", "/v2/items?page=2"),
        ("?page=2", "/v2/items?page=2"),
        ("//api.example.com/v2/items", "/v2/items"),
        ("http://api.example.com/v2/items?page=2", "/v2/items?page=2"),
        ("https://API.example.com:443/other", "/other"),
        (f"{BASE}/items?page=2#end", "/v2/items?page=2"),
        (f"{BASE}/../../etc?page=2", "/v2/../../etc?page=2"),
        (f" {BASE}/items?q=a%20b&c=d e ", "/v2/items?q=a%20b&c=d%20e"),
        ("https://user:password@api.example.com/v2/items", "/v2/items"),
    ],
)
def test_a_link_of_its_own_is_followed_by_its_path_and_query(link, path):
    assert target(link, ASKED, BASE) == path


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v2/items",
        "//evil.example/v2/items",
        "https://api.example.com.evil.example/v2/items",
        "https://api.example.com@evil.example/v2/items",
        "https://api.example.com:8443/v2/items",
        "http://api.example.com:80/v2/items",
        "ftp://api.example.com/v2/items",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://[::1/v2",
        "https://api.example.com:port/v2",
        "\\\\evil.example\\items" + "https://",
    ],
)
def test_any_other_is_an_error(link):
    try:
        found = target(link, ASKED, BASE)
    except ForeignLinkError:
        return
    # What is no URL of its own is a path below the page that has it.
    assert found.startswith("/v2/"), found


def test_a_secret_in_a_link_is_dropped_and_its_error_shows_none():
    link = f"{BASE}/items?key=s3cr3t&page=2&keys=1"
    assert target(link, ASKED, BASE, without="key") == "/v2/items?page=2&keys=1"
    with pytest.raises(ForeignLinkError) as error:
        target("https://user:s3cr3t@evil.example/?key=s3cr3t", ASKED, BASE)
    assert "s3cr3t" not in str(error.value)


@given(link=st.text(max_size=60) | st.from_regex(r"\A(https?:)?//[a-z@:.\[\]%]{0,20}/.{0,9}\Z"))
def test_whatever_a_link_is_it_leads_to_the_api_or_nowhere(link):
    try:
        found = target(link, ASKED, BASE)
    except ForeignLinkError:
        return
    assert found.startswith("/")
    assert found.isascii()
    assert not set(found) & set(' \r\n\t#<>"')


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://a/?p=2>; rel="next"', "https://a/?p=2"),
        ("<a>; rel=prev, <b>; rel=next", "b"),
        ('<a>; title="x, y"; rel="last next"', "a"),
        ('<a?x=1,2>; REL="NEXT"', "a?x=1,2"),
        ("<a>; rel=nextish", None),
        ("<a>", None),
        ("", None),
    ],
)
def test_the_next_of_a_link_header(header, link):
    assert next_of(header) == link
