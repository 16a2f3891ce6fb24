"""What sources have in common that read an API: where it is, and when reading starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from webhookd.config import addressing, urls
from webhookd.config.messages import near, shown
from webhookd.definitions import Egress
from webhookd.rules import egress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.definitions import Network
    from webhookd.errors import Problem

LEAST_POLL = timedelta(milliseconds=100)


def start_at(text: str) -> datetime | None:
    """Return the time that *text* says, in UTC where it names no zone; None if it says none."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def start_problem(source: Node) -> Problem | None:
    """Return what is wrong with the time from which *source* is to be read."""
    start = source.text("start")
    if start is None or not start[:1].isdigit() or start_at(start) is not None:
        return None
    return source.problem(f"{shown(start)} is not a date and time that there is", "start")


def unread_object(webhook: Node, source: Node) -> Problem | None:
    """Return that *source* does not read the object of *webhook*, where it names its objects."""
    wanted, objects = webhook.text("object"), source.mapping("objects")
    if wanted is None or not objects or wanted in objects:
        return None
    hint = near(wanted, objects) or f"; it reads {', '.join(map(shown, list(objects)[:5]))}"
    message = f"the source {source.name!r} does not read {shown(wanted)}{hint}"
    return webhook.problem(message, "object")


def base_url_problems(source: Node, reachable: Node | None) -> Iterator[Problem]:
    """Yield what is wrong with the URL of an API; *reachable* is `egress`."""
    url = source.text("base_url")
    if url is None:
        return
    try:
        parsed = urls.parse(url)
    except urls.UrlError as error:
        yield source.problem(str(error), "base_url")
        return
    if "?" in url:
        yield source.problem("the base URL takes no query", "base_url")
    if parsed.scheme == "http" and not is_allowed(parsed.host, reachable):
        message = (
            "plain http would show the token to the network; use https, or an address (not a"
            " name) inside egress.allow"
        )
        yield source.problem(message, "base_url")


def is_allowed(host: str, reachable: Node | None) -> bool:
    """Return whether *host* is an address that *reachable*, `egress`, allows."""
    address = addressing.literal_address(host)
    if address is None or reachable is None:
        return False
    allow = _networks(reachable, "allow")
    is_inside = any(address in network for network in allow)
    settings = Egress(allow=allow, deny=_networks(reachable, "deny"))
    return is_inside and egress.refusal(address, settings) is None


def _networks(reachable: Node, key: str) -> tuple[Network, ...]:
    found = []
    for entry in reachable.items(key):
        try:
            found.append(addressing.network(entry.text() or ""))
        except ValueError:
            continue  # checks.networks says so
    return tuple(found)
