"""URLs, hosts and networks as the configuration may have them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config import addressing, urls


@pytest.mark.parametrize(
    ("url", "scheme", "host"),
    [
        ("https://example.com", "https", "example.com"),
        ("HTTPS://Example.com:443/a?b=c", "https", "Example.com"),
        ("http://localhost:8080", "http", "localhost"),
        ("https://my_host.example.com./", "https", "my_host.example.com."),
        ("https://[2001:db8::1]:8443/", "https", "2001:db8::1"),
        ("https://xn--mller-kva.example/%C3%BC?a=%20&b;c=(d)!", "https", "xn--mller-kva.example"),
        ("https://example.com?a=1", "https", "example.com"),
        ("https://example.com/a..b/.../c", "https", "example.com"),
        ("https://0x7f.1/", "https", "0x7f.1"),
    ],
)
def test_what_is_a_url(url, scheme, host):
    assert urls.parse(url) == urls.ParsedUrl(scheme, host)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https:",
        "https:/a",
        "//a",
        "https://",
        "https://:80",
        "https://a:0",
        "https://a:1:2",
        "https://a b",
        "https://a\\b",
        "https://a/\t",
        "https://a/\n",
        "https://ü",
        "https://a..b",
        "https://a@b",
        "https://a:b@c",
        "https://a/#",
        "https://a/%",
        "https://a/%2",
        "https://-a",
        "https://[1::2::3]",
        "https://[::1%25eth0]",
        "https://[]",
        "https://]a[",
        "https://[::1]a",
        "https://a/.",
        "https://a/../b",
        "https://a/%2e%2E/b",
        "https://" + "a." * 127 + "com",
        "https://" + "a" * 64,
        "https://a/" + "b" * 8200,
        "javascript://a",
        "https://a:\uff18\uff10",
    ],
)
def test_what_is_none_is_refused_without_being_shown(url):
    with pytest.raises(urls.UrlError) as caught:
        urls.parse(url)

    assert len(url) < 12 or url not in str(caught.value)


@given(st.text(max_size=40).map("https://example.com/".__add__) | st.text(max_size=40))
def test_whatever_the_text_is_it_is_taken_or_refused(text):
    try:
        urls.parse(text)
    except urls.UrlError:
        return
    assert text.isascii()
    assert text.isprintable()


def test_the_names_in_a_query_are_decoded():
    assert list(urls.query_names("https://a/?b=1&c&&%64=2&e+f=3&b=4#g?h=1")) == [
        "b",
        "c",
        "d",
        "e f",
        "b",
    ]
    assert list(urls.query_names("https://a/")) == []


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("LocalHost.", "127.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_a_host_that_resolvers_take_for_an_address_is_one(host, address):
    assert addressing.literal_address(host) == ip_address(address)


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "1.2.3.4.example", "a b"])
def test_a_name_is_none(host):
    assert addressing.literal_address(host) is None
