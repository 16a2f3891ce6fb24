"""Networks and literal addresses, as text gives them."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from webhookd.config.messages import shown

if TYPE_CHECKING:
    from webhookd.definitions import Network

_LOOPBACK = IPv4Address("127.0.0.1")


def network(text: str) -> Network:
    """Return the network that *text* says; a single address is one too."""
    try:
        found = None if "%" in text else ip_network(text, strict=False)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(
            f"{shown(text)} is not a network; write one like 10.20.0.0/16 or 2001:db8::/32"
        )
    if ip_address(text.partition("/")[0]) != found.network_address:
        raise ValueError(f"{shown(text)} has bits beyond its length; the network is {found}")
    return found


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that *host* is without asking anybody, None when it is a name.

    Resolvers take `127.1`, `0x7f000001` and `2130706433` for addresses, so they are here too.
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return _LOOPBACK
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None
