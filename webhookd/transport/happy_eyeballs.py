"""Connect to the first of several addresses that accepts (RFC 8305, happy eyeballs).

ADR 0003 says why this is not `aiohappyeyeballs`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhookd.transport.http_connection import Connection
    from webhookd.transport.resolver import Address

STAGGER_SECONDS = 0.25
"""Wait so long for one address before the next is tried as well (RFC 8305, section 5)."""


class Connected(NamedTuple):
    """A connection, and the address it leads to."""

    connection: Connection
    address: Address


async def connect_first(
    addresses: Sequence[Address], factory: Callable[[], Connection]
) -> Connected:
    """Return a connection to the first of *addresses* that accepts.

    When none accepts, raise the failure of the first address, with its error number: the
    reason and the sentence of the attempt come from it. A caller that cancels gets
    `CancelledError` at whatever moment, for the attempts that lost are not awaited.
    """
    if len(addresses) == 1:
        return await _connect(addresses[0], factory)
    waiting = deque(_interleaved(addresses))
    tasks: list[asyncio.Task[Connected]] = []
    winner = None
    try:
        while winner is None and (waiting or not _all_done(tasks)):
            if waiting:
                tasks.append(asyncio.create_task(_connect(waiting.popleft(), factory)))
            await asyncio.wait(
                [task for task in tasks if not task.done()],
                timeout=STAGGER_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            winner = next((task for task in tasks if _has_connected(task)), None)
        return (winner or tasks[0]).result()
    finally:
        for task in tasks:
            if task is not winner:
                task.cancel()
                task.add_done_callback(_discard)


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return *addresses* with the families in turn, the first one's first (section 4)."""
    first = [each for each in addresses if each.family == addresses[0].family]
    others = [each for each in addresses if each.family != addresses[0].family]
    return [each for pair in zip_longest(first, others) for each in pair if each is not None]


async def _connect(address: Address, factory: Callable[[], Connection]) -> Connected:
    """Connect to *address*. It is a literal, so the event loop asks no name server."""
    _, connection = await asyncio.get_running_loop().create_connection(
        factory, address.ip, address.port, family=address.family
    )
    return Connected(connection, address)


def _all_done(tasks: Sequence[asyncio.Task[Connected]]) -> bool:
    return all(task.done() for task in tasks)


def _has_connected(task: asyncio.Task[Connected]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _discard(task: asyncio.Task[Connected]) -> None:
    """Close the connection of an attempt that succeeded as it was cancelled."""
    if _has_connected(task):
        task.result().connection.abort()
