"""The console as it runs: a loopback port, its link, and its end."""

from __future__ import annotations

import getpass
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.client.admin_address import host_and_port, loopback_port
from webhookd.console.access import invitations, own_files
from webhookd.console.access.sessions import Sessions
from webhookd.console.daemon_link import DaemonLink
from webhookd.console.feed import Feed
from webhookd.console.routes import application
from webhookd.console.visit import Console
from webhookd.errors import WebhookdError
from webhookd.serving import serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from webhookd.console.daemon_link import Places
    from webhookd.console.visit import Role

BACKLOG = 128


class ConsoleAddressError(WebhookdError):
    """The console cannot listen there."""


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Where the console listens: loopback only, whatever is asked."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> ConsoleAddress:
        """Return the address that *text* means; ConsoleAddressError says what it may be."""
        found = loopback_port(text)
        if found is None:
            raise ConsoleAddressError(
                f"the console cannot listen on {text!r}; write 127.0.0.1:PORT. It listens on"
                " loopback only; from another machine: ssh -L 8377:127.0.0.1:8377 HOST"
            )
        return cls(*found)

    def __str__(self) -> str:
        return host_and_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Links:
    """A way in: *own* has a name of this console alone, *fallback* works in every browser."""

    own: str
    fallback: str


def another_link(address: ConsoleAddress, place: Path) -> Links:
    """Return one more way into the console that this user runs at *address*."""
    return _links(address, own_files.key_of(place, address.port), own_files.label(place))


async def serve(
    address: ConsoleAddress,
    places: Places,
    role: Role,
    place: Path,
    *,
    told: Callable[[Links], None],
    stop: Callable[[], Awaitable[None]],
) -> None:
    """Serve the pages until *stop* returns; *told* is called with the links when they work.

    Raises ConsoleAddressError when the port is taken.
    """
    listener = _listening(address)
    bound = ConsoleAddress(address.host, listener.getsockname()[1])
    key, label = invitations.new_key(), own_files.label(place)
    daemon = DaemonLink(places)
    console = Console(daemon, Sessions(bound.port), role, _person(), Feed(daemon))
    app = application(console, invitations.Invitations(key), port=bound.port, label=label)
    with ExitStack() as stack:
        stack.enter_context(own_files.kept_key(place, bound.port, key))
        async with serving(app, listener):
            told(_links(bound, key, label))
            try:
                await stop()
            finally:
                # Before the server's grace: no stream waits for it.
                await console.feed.stop()
        await daemon.close()


def _links(address: ConsoleAddress, key: bytes, label: str) -> Links:
    query = f"enter?t={invitations.token(key, clock.now().timestamp())}"
    return Links(f"http://{label}.localhost:{address.port}/{query}", f"http://{address}/{query}")


def _listening(address: ConsoleAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise ConsoleAddressError(
            f"the console cannot listen on {address}: {error.strerror}; choose another port with"
            " --listen, or ask the console that runs there for a link:"
            f" webhookd console --listen {address} --link"
        ) from None
    listener.listen(BACKLOG)
    return listener


def _person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
