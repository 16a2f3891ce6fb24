"""HubSpot sources: where the API is, when reading starts, and what is read for whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from webhookd.config import addressing, durations, urls
from webhookd.config.checks.triggers import conditions
from webhookd.config.messages import near, shown
from webhookd.definitions import Egress
from webhookd.rules import egress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from webhookd.config.checks.context import Known
    from webhookd.config.text.node import Part
    from webhookd.definitions import Network
    from webhookd.errors import Problem

TYPE = "hubspot"
LEAST_POLL = timedelta(milliseconds=100)
MOST_OVERLAP = timedelta(days=1)


def check(source: Part, known: Known, reachable: Part | None) -> Iterator[Problem]:
    """Yield what is wrong with *source*, if it is HubSpot's; *reachable* is `egress`."""
    if source.text("type") != TYPE:
        return
    yield from _base_url(source, reachable)
    if problem := known.secret_problem(source.at("token")):
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


def used(webhook: Part) -> Iterator[tuple[Part, str]]:
    """Yield each property that *webhook* speaks of, with the place where it does."""
    trigger, request = webhook.at("trigger"), webhook.at("request")
    for item in trigger.items("changed_properties"):
        yield from _named(item)
    yield from used_in_when(trigger)
    for chosen in (("body", "properties"), ("query", "properties")):
        for item in request.items(*chosen):
            yield from _named(item)


def used_in_when(trigger: Part) -> Iterator[tuple[Part, str]]:
    """Yield each property that the `when` of *trigger* speaks of, with the place."""
    for item in trigger.items("when"):
        for condition in conditions(item):
            yield from _named(condition)


def check_use(webhook: Part, source: Part) -> Iterator[Problem]:
    """Yield what *webhook* wants of a HubSpot *source* that this does not read."""
    wanted, objects = webhook.text("object"), source.mapping("objects")
    if source.text("type") != TYPE or wanted is None or not objects:
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
        yield from check_read(used(webhook), listed, source.name, wanted)


def check_read(
    speaks_of: Iterable[tuple[Part, str]], listed: Sequence[str], source: str, object_: str
) -> Iterator[Problem]:
    """Yield each property that somebody *speaks_of* (place and name) and that is not *listed*."""
    for place, name in speaks_of:
        if name not in listed:
            message = (
                f"the source {source!r} does not read the property {shown(name)} of"
                f" {object_}{near(name, listed) or '; add it to its properties'}"
            )
            yield place.problem(message)


def _base_url(source: Part, reachable: Part | None) -> Iterator[Problem]:
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


def _is_allowed(host: str, reachable: Part | None) -> bool:
    address = addressing.literal_address(host)
    if address is None or reachable is None:
        return False
    allow = _networks(reachable, "allow")
    is_inside = any(address in network for network in allow)
    settings = Egress(allow=allow, deny=_networks(reachable, "deny"))
    return is_inside and egress.refusal(address, settings) is None


def _networks(reachable: Part, key: str) -> tuple[Network, ...]:
    found = []
    for entry in reachable.items(key):
        try:
            found.append(addressing.network(entry.text() or ""))
        except ValueError:
            continue  # checks.networks says so
    return tuple(found)


def _lengths(source: Part) -> Iterator[Problem]:
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


def _named(item: Part) -> Iterator[tuple[Part, str]]:
    place = item if isinstance(item.value, str) else item.at("property")
    name = place.text()
    if name is not None:
        yield place, name
