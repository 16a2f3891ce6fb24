"""HubSpot sources: where the API is, when reading starts, and what is read for whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from webhookd.config import addressing, urls
from webhookd.config.checks import properties
from webhookd.config.messages import near, shown
from webhookd.definitions import Egress, durations
from webhookd.rules import egress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.definitions import Network
    from webhookd.errors import Problem

LEAST_POLL = timedelta(milliseconds=100)
MOST_OVERLAP = timedelta(days=1)


def check(sources: Iterable[Node], context: Context, reachable: Node | None) -> Iterator[Problem]:
    """Yield what is wrong with HubSpot's *sources*; *reachable* is `egress`."""
    for source in sources:
        yield from _source(source, context, reachable)


def _source(source: Node, context: Context, reachable: Node | None) -> Iterator[Problem]:
    yield from _base_url(source, reachable)
    if problem := context.secret_problem(source.at("token")):
        yield problem
    yield from _lengths(source)
    start = source.text("start")
    if start is not None and start[:1].isdigit() and start_at(start) is None:
        yield source.problem(f"{shown(start)} is not a date and time that there is", "start")


def start_at(text: str) -> datetime | None:
    """Return the time that *text* says, in UTC where it names no zone; None if it says none."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def check_use(webhook: Node, source: Node) -> Iterator[Problem]:
    """Yield what *webhook* wants of a HubSpot *source* that this does not read."""
    wanted, objects = webhook.text("object"), source.mapping("objects")
    if wanted is None or not objects:
        return
    if wanted not in objects:
        hint = near(wanted, objects) or f"; it reads {', '.join(map(shown, list(objects)[:5]))}"
        message = f"the source {source.name!r} does not read {shown(wanted)}{hint}"
        yield webhook.problem(message, "object")
        return
    read = source.at("objects", wanted)
    if "deleted" in webhook.mapping("trigger").get("changes", ()) and (
        read.mapping().get("deletions") is not True
    ):
        where = f"sources.{source.name}.objects.{wanted}"
        message = f"deletions are not looked for; set 'deletions: true' in {where}"
        yield webhook.problem(message, "trigger", "changes")
    listed = [name for item in read.items("properties") if (name := item.text()) is not None]
    if listed:
        yield from properties.check_read(properties.used(webhook), listed, source.name, wanted)


def _base_url(source: Node, reachable: Node | None) -> Iterator[Problem]:
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
    if parsed.scheme == "http" and not _is_allowed(parsed.host, reachable):
        message = (
            "plain http would show the token to the network; use https, or an address (not a"
            " name) inside egress.allow"
        )
        yield source.problem(message, "base_url")


def _is_allowed(host: str, reachable: Node | None) -> bool:
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


def _lengths(source: Node) -> Iterator[Problem]:
    for key, least, most in (
        ("poll_every", LEAST_POLL, durations.LONGEST),
        ("overlap", None, MOST_OVERLAP),
    ):
        length = durations.unbounded(source.text(key) or "")
        if length is None:
            continue
        if least is not None and length < least:
            least_text = durations.written(least)
            yield source.problem(f"this is less than the minimum of {least_text}", key)
        if length > most:
            yield source.problem(f"this is more than the maximum of {durations.written(most)}", key)
