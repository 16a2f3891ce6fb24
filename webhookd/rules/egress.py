"""Which addresses may be connected to: the guard against requests into the own network.

`deny` beats `allow`, and `allow` beats the table below. The table is written out here, after
IANA's special-purpose registries (RFC 6890 and its updates), because the properties of Python's
`ipaddress` differ between patch releases. An IPv6 address that carries an IPv4 one (mapped,
NAT64, 6to4, Teredo) leads there, so the IPv4 address is judged too.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import Egress, Network

Address: TypeAlias = IPv4Address | IPv6Address

_COMPATIBLE = IPv6Network("::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_IN_LAST_BITS = (_COMPATIBLE, _MAPPED, _NAT64, _LOCAL_NAT64)
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")

# These are public as far as the IPv4 addresses in them are.
_CARRIERS = (_MAPPED, _NAT64, _SIX_TO_FOUR, _TEREDO)

# The first line that holds an address names it, so parts stand before their wholes.
_TABLE: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/32", "the unspecified address"),
        ("0.0.0.0/8", "an address of this network (0.0.0.0/8)"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier-grade NAT address"),
        ("127.0.0.0/8", "a loopback address"),
        ("168.63.129.16/32", "a cloud's metadata address"),
        ("169.254.169.254/32", "a cloud's metadata address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a reserved address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "the unspecified address"),
        ("::1/128", "a loopback address"),
        ("::/96", "an IPv4-compatible address"),
        ("64:ff9b:1::/48", "a local NAT64 address"),
        ("2001:2::/48", "a benchmarking address"),
        ("2001::/23", "a reserved address"),
        ("2001:db8::/32", "a documentation address"),
        ("3fff::/20", "a documentation address"),
        ("fc00::/7", "a private address (unique local)"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address (site-local)"),
        ("ff00::/8", "a multicast address"),
        # Only 2000::/3 has been given out as global unicast.
        ("::/3", "a reserved address"),
        ("4000::/2", "a reserved address"),
        ("8000::/1", "a reserved address"),
    )
)


def refusal(address: str | Address, egress: Egress) -> str | None:
    """Return why *address* may not be connected to, or None when it may.

    As text it may have a zone id (`fe80::1%eth0`). Text that is no address is refused: only
    what was understood can be let through.
    """
    name = str(address)
    try:
        outer = ip_address(name.partition("%")[0])
    except ValueError:
        return f"{name!r} is not an IP address"
    forms = (outer, *_carried(outer))
    return _denied(name, forms, egress.deny) or _special(name, forms, egress.allow)


def _denied(address: str, forms: Iterable[Address], deny: Iterable[Network]) -> str | None:
    for network in deny:
        if any(form in network for form in forms):
            return f"{address} is in {network}, which egress.deny names"
    return None


def _special(address: str, forms: tuple[Address, ...], allow: tuple[Network, ...]) -> str | None:
    outer, *carried = forms
    if any(outer in network for network in allow):
        return None
    if kind := _kind(outer):
        return f"{address} is {kind}"
    for inner in carried:
        if not any(inner in network for network in allow) and (kind := _kind(inner)):
            return f"{address} leads to {inner}, {kind}"
    return None


def _kind(address: Address) -> str | None:
    """Return what makes *address* special, None for a public one."""
    if any(address in network for network in _CARRIERS):
        return None
    return next((kind for network, kind in _TABLE if address in network), None)


def _carried(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 one leads to.

    Teredo has its server's address, and its client's with every bit turned (RFC 4380). The
    loopback `::1` and the unspecified `::` only look like IPv4-compatible addresses.
    """
    bits = int(address)
    if isinstance(address, IPv4Address) or bits <= 1:
        return ()
    low = bits & 0xFFFF_FFFF
    if any(address in network for network in _IN_LAST_BITS):
        return (IPv4Address(low),)
    if address in _SIX_TO_FOUR:
        return (IPv4Address(bits >> 80 & 0xFFFF_FFFF),)
    if address in _TEREDO:
        return (IPv4Address(bits >> 64 & 0xFFFF_FFFF), IPv4Address(low ^ 0xFFFF_FFFF))
    return ()
