"""From a host to the addresses that may be connected to."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from webhookd.rules import egress as guard
from webhookd.transport.failure import SendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.definitions import Egress
    from webhookd.transport.origin import Origin


class Address(NamedTuple):
    """One address of a host; *ip* may have a zone id."""

    family: int
    ip: str
    port: int


Found: TypeAlias = list[Address] | str
"""A host's addresses, or why there are none."""


class Resolver:
    """Looks names up, each only once at a time, however many requests ask.

    Every lookup has a thread of its own: the event loop's few threads would all be taken by
    a few receivers whose name servers are silent, and then nobody would be resolved. The
    threads are daemons because `getaddrinfo` cannot be stopped and must not hold up an exit.
    """

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], asyncio.Future[Found]] = {}

    async def addresses(self, origin: Origin) -> list[Address]:
        """Return all addresses of *origin*, or raise `SendError`."""
        found = _literal(origin.host, origin.port) or await self._look_up(origin.host, origin.port)
        if isinstance(found, str):
            raise SendError("dns", f"{origin.host} cannot be resolved: {found}")
        return found

    async def _look_up(self, host: str, port: int) -> Found:
        lookup = self._lookups.get((host, port))
        if lookup is None:
            lookup = asyncio.get_running_loop().create_future()
            _start(lookup, host, port)
            self._lookups[host, port] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop((host, port), None))
        return await asyncio.shield(lookup)


def permitted(addresses: Sequence[Address], origin: Origin, egress: Egress) -> list[Address]:
    """Return those *addresses* that may be connected to; raise `SendError` when none may.

    Each is handed on as it was checked, and connected to as it stands: a name is never
    looked up a second time, when it might resolve to something else.
    """
    refusals = [guard.refusal(address.ip, egress) for address in addresses]
    allowed = [each for each, refusal in zip(addresses, refusals, strict=True) if refusal is None]
    if allowed:
        return allowed
    why = "; ".join(dict.fromkeys(refusal for refusal in refusals if refusal))
    hint = "to send there, add its network to egress.allow (egress.deny must not hold it)"
    raise SendError("egress", f"{origin.name} is not sent to: {why}; {hint}")


def _literal(host: str, port: int) -> Found | None:
    """Return the address that *host* is, None if it is a name. Asks no name server.

    The C library knows more forms of an address than Python does (`127.1`, `0x7f.1`,
    `2130706433`, `fe80::1%eth0`), and it is the one that connects.
    """
    try:
        return _getaddrinfo(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None


def _start(lookup: asyncio.Future[Found], host: str, port: int) -> None:
    """Look *host* up in a thread of its own."""
    thread = threading.Thread(
        target=_answer, args=(lookup, host, port), name=f"resolve {host}", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:
        words = "no more threads: too many names are being looked up (TasksMax, ulimit -u)"
        raise SendError("internal", words) from None


def _answer(lookup: asyncio.Future[Found], host: str, port: int) -> None:
    """Look *host* up, in a thread, and hand the result to the event loop."""
    found: Found
    try:
        found = _getaddrinfo(host, port, 0)
    except socket.gaierror as error:
        found = (error.strerror or "unknown error").lower()
    except (OSError, UnicodeError) as error:
        found = type(error).__name__
    # The loop may be gone by now, and with it everybody who waited.
    with suppress(RuntimeError):
        lookup.get_loop().call_soon_threadsafe(_settle, lookup, found)


def _settle(lookup: asyncio.Future[Found], found: Found) -> None:
    if not lookup.done():
        lookup.set_result(found)


def _getaddrinfo(host: str, port: int, flags: int) -> list[Address]:
    # As bytes: Python would put a text through its old IDNA codec first.
    answers = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM, flags=flags)
    return list(
        dict.fromkeys(
            Address(family, str(address[0]), port) for family, _, _, _, address in answers
        )
    )
