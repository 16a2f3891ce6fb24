"""Which addresses the guard lets through."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.definitions import Egress
from webhookd.rules.egress import refusal

NOTHING_SET = Egress()


def an_egress(*, allow: str = "", deny: str = "") -> Egress:
    return Egress(
        allow=tuple(ip_network(network) for network in allow.split()),
        deny=tuple(ip_network(network) for network in deny.split()),
    )


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.17",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001:810::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2001:0:808:808::f7f7:f7f7",
    ],
)
def test_a_public_address_is_allowed(address):
    assert refusal(address, NOTHING_SET) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "0.0.0.0 is the unspecified address"),
        ("0.1.2.3", "this network"),
        ("10.1.2.3", "10.1.2.3 is a private address"),
        ("100.64.0.1", "carrier-grade"),
        ("100.127.255.255", "carrier-grade"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "metadata"),
        ("169.254.169.254", "metadata"),
        ("169.254.0.1", "link-local"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.192", "reserved"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "reserved"),
        ("192.168.1.1", "private"),
        ("198.18.0.1", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "IPv4-compatible"),
        ("100::1", "reserved"),
        ("2001:2::1", "benchmarking"),
        ("2001:10::1", "reserved"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("5f00::1", "reserved"),
        ("::ffff:0:808:808", "reserved"),
        ("64:ff9b:1::808:808", "NAT64"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
    ],
)
def test_a_special_address_is_refused_with_its_kind(address, why):
    assert why in (refusal(address, NOTHING_SET) or "")


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:127.0.0.1",
        "::ffff:0.0.0.0",
        "::ffff:0.0.0.1",
        "::ffff:10.0.0.1%1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::0.0.0.0",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "2001:0:808:808::80ff:fffe",
        "2001:0:7f00:1::f7f7:f7f7",
    ],
)
def test_an_ipv6_address_that_leads_to_a_special_ipv4_address_is_refused(address):
    assert "leads to" in (refusal(address, NOTHING_SET) or "")


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "%eth0", "[::1]", "1::2::3"],
)
def test_text_that_is_no_address_is_refused(text):
    assert "not an IP address" in (refusal(text, an_egress(allow="0.0.0.0/0 ::/0")) or "")


def test_allow_beats_the_table():
    egress = an_egress(allow="10.20.0.0/16 ::1/128 fe80::/10")

    assert refusal("10.20.3.4", egress) is None
    assert refusal("::1", egress) is None
    assert refusal("fe80::1%eth0", egress) is None
    assert refusal("10.21.3.4", egress) is not None


def test_an_allowed_ipv4_address_is_allowed_in_its_ipv6_forms():
    egress = an_egress(allow="10.20.0.0/16")

    assert refusal("::ffff:10.20.0.1", egress) is None
    assert refusal("64:ff9b::10.20.0.1", egress) is None
    assert refusal("::ffff:10.21.0.1", egress) is not None


def test_deny_beats_allow_and_names_the_network():
    egress = an_egress(allow="10.0.0.0/8", deny="10.1.0.0/16 8.8.8.8/32")

    assert refusal("10.1.0.1", egress) == "10.1.0.1 is in 10.1.0.0/16, which egress.deny names"
    assert refusal("8.8.8.8", egress) is not None
    assert refusal("10.2.0.1", egress) is None


@pytest.mark.parametrize(
    "form", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "::8.8.8.8"]
)
def test_a_denied_ipv4_address_is_denied_in_its_ipv6_forms(form):
    assert "deny" in (refusal(form, an_egress(allow="::/0", deny="8.8.8.0/24")) or "")


addresses = st.ip_addresses() | st.integers(0, 2**32 - 1).map(
    lambda bits: ip_address(f"::ffff:{IPv4Address(bits)}")
)
lengths = st.integers(0, 32)


def the_network_around(address: IPv4Address | IPv6Address, length: int) -> Egress:
    return Egress(allow=(ip_network((address, length), strict=False),))


@given(addresses, lengths)
def test_what_allow_holds_is_allowed_and_what_deny_holds_is_not(address, length):
    allowed = the_network_around(address, length)
    denied = Egress(allow=allowed.allow, deny=allowed.allow)

    assert refusal(address, allowed) is None
    assert refusal(str(address), denied) is not None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_a_mapped_address_is_judged_as_the_ipv4_address_it_is(inner):
    plain = refusal(inner, NOTHING_SET)
    mapped = refusal(f"::ffff:{inner}", NOTHING_SET)

    assert (plain is None) == (mapped is None)


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_let_through(address):
    """Python's property differs between patch releases, but none is wider than the table."""
    carriers = ("::ffff:0:0/96", "64:ff9b::/96", "2001::/32", "2002::/16")
    if address.is_private and not any(address in ip_network(network) for network in carriers):
        assert refusal(address, NOTHING_SET) is not None
