"""What `webhookd check --online` looks at: whether what a file names is there and answers.

Receivers are connected to, and TLS is shaken hands for; nothing is sent to them. Token servers are
asked for a token, APIs for the properties and a page of the records of each object. All of it at
once, each within `SECONDS`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from webhookd import clock
from webhookd.cli import outgoing
from webhookd.config import loading
from webhookd.config.messages import near, no_property
from webhookd.definitions import OAuth2, Operator, RestSource, Tls
from webhookd.errors import Problem, SourceError, TokenError, counted, printable
from webhookd.rules import usage
from webhookd.sources import kinds
from webhookd.transport import SendError, SendOptions

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator
    from pathlib import Path

    from webhookd.authentication.keyring import Keyring
    from webhookd.definitions import Definitions, Source, Webhook
    from webhookd.sources.described import Described
    from webhookd.sources.kinds import Describe
    from webhookd.transport import Transport

SECONDS: Final = 20.0
"""How long each may take: longer than a receiver's usual timeout for connecting."""
_AT_ONCE: Final = 20
_OF_OPTIONS: Final = frozenset(
    {
        *(Operator.EQ, Operator.NEQ, Operator.IN, Operator.NOT_IN),
        *(Operator.IS_ANY_OF, Operator.IS_NONE_OF, Operator.CONTAINS_ALL),
        *(Operator.DOES_NOT_CONTAIN_ALL, Operator.IS_EXACTLY, Operator.IS_NOT_EXACTLY),
        *(Operator.CHANGED_FROM, Operator.CHANGED_TO),
    }
)
"""Operators whose values are options of the property, where it has some."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found wrong, a line each, and a sentence for what was looked at."""

    problems: tuple[str, ...]
    summary: str


def look(path: Path, definitions: Definitions) -> Looked:
    """Look at everything that the configuration at *path* names; nothing is stored."""
    return asyncio.run(_look(path, definitions))


async def _look(path: Path, definitions: Definitions) -> Looked:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def bounded(where: str, one: Coroutine[None, None, list[str]]) -> list[str]:
        async with limit:
            try:
                async with asyncio.timeout(SECONDS):
                    return await one
            except TimeoutError:
                return [f"{where}: no answer within {SECONDS:g} s"]

    async with outgoing.opened(definitions) as out:
        online = _Online(path, definitions, out.transport, out.keyring)
        receivers, servers, objects = online.receivers(), online.servers(), online.objects()
        tasks = [bounded(where, one) for where, one in (*receivers, *servers, *objects)]
        found = await asyncio.gather(*tasks)
    looked_at = [
        counted(len(some), noun)
        for some, noun in ((receivers, "receiver"), (servers, "token server"), (objects, "object"))
        if some
    ]
    problems = dict.fromkeys(out.secrets.redactor.text(line) for lines in found for line in lines)
    summary = f"looked at {', '.join(looked_at) or 'nothing: there is nothing to connect to'}"
    return Looked(tuple(map(printable, problems)), summary)


class _Online:
    """What there is to look at: where it stands, and what looks at it and returns problems."""

    def __init__(
        self, path: Path, definitions: Definitions, transport: Transport, keyring: Keyring
    ) -> None:
        self._path = path
        self._definitions = definitions
        self._transport = transport
        self._keyring = keyring
        self._webhooks = [one for one in definitions.webhooks.values() if one.enabled]

    def receivers(self) -> list[tuple[str, Coroutine[None, None, list[str]]]]:
        """Return a look at each receiver, once for all webhooks that connect to it alike.

        None at those behind a proxy: it resolves names and connects by itself, and only when it is
        asked to.
        """
        alike: dict[object, list[Webhook]] = {}
        for one in self._webhooks:
            request = one.request
            if self._transport.is_direct(self._options(one)):
                alike.setdefault((request.origin, request.tls, request.proxy), []).append(one)
        return [(_where(some), self._receiver(some)) for some in alike.values()]

    def _options(self, webhook: Webhook) -> SendOptions:
        request = webhook.request
        return SendOptions(
            timeout=SECONDS,
            connect_timeout=webhook.delivery.connect_timeout.total_seconds(),
            tls=request.tls,
            egress=self._definitions.egress,
            proxy=request.proxy,
        )

    async def _receiver(self, webhooks: list[Webhook]) -> list[str]:
        first = webhooks[0]
        try:
            await self._transport.reach(first.request.origin, self._options(first))
        except SendError as error:
            return [f"{_where(webhooks)}: {error.reason}: {error.detail}"]
        return []

    def servers(self) -> list[tuple[str, Coroutine[None, None, list[str]]]]:
        """Return a look at each token server, once for all that authorize alike."""
        asked: dict[object, tuple[str, Coroutine[None, None, list[str]]]] = {}
        for one in self._webhooks:
            request = one.request
            if isinstance(request.authentication, OAuth2):
                where = f"webhooks.{one.name}.request.authentication"
                way = (request.authentication, request.tls, request.proxy)
                if way not in asked:
                    asked[way] = where, self._token(where, *way)
        for source in self._definitions.sources.values():
            if isinstance(source, RestSource) and isinstance(source.authentication, OAuth2):
                where = f"sources.{source.name}.authentication"
                of_source = (source.authentication, Tls(), None)
                if of_source not in asked:
                    asked[of_source] = where, self._token(where, *of_source)
        return list(asked.values())

    async def _token(self, where: str, *way: object) -> list[str]:
        try:
            await self._keyring.of(*way).authorize(clock.now())  # type: ignore[arg-type]
        except TokenError as error:
            return [f"{where}: {error}"]
        return []

    def objects(self) -> list[tuple[str, Coroutine[None, None, list[str]]]]:
        """Return a look at each type of object that an API is asked for."""
        return [
            (where, self._object(where, source, name, describe))
            for source in self._definitions.sources.values()
            if (describe := kinds.describe(source)) is not None
            for name in source.polled_objects
            for where in (f"sources.{source.name}.objects.{name}",)
        ]

    async def _object(self, where: str, source: Source, name: str, describe: Describe) -> list[str]:
        try:
            described = await describe(
                source,
                name,
                transport=self._transport,
                egress=self._definitions.egress,
                clock=clock.SYSTEM,
                credentials_of=self._keyring.of,
            )
        except SourceError as error:
            return [f"{where}: {error}"]
        return [
            *_not_there(where, source.listed_properties(name), described),
            *(
                str(problem)
                for webhook in self._webhooks
                if (webhook.source, webhook.object) == (source.name, name)
                for problem in self._of_webhook(webhook, described)
            ),
        ]

    def _of_webhook(self, webhook: Webhook, described: Described) -> Iterator[Problem]:
        """Yield each property, and each option, that a webhook names and the API lacks."""
        for name in dict.fromkeys(usage.of_webhook(webhook)):
            told = _lacks(name, described)
            if told is not None:
                yield from self._placed(webhook, name, told)
        for when in (webhook.trigger.when, webhook.trigger.still):
            for condition in usage.conditions(when):
                there = described.properties.get(condition.property)
                if there is None or not there.options or condition.operator not in _OF_OPTIONS:
                    continue
                for value in condition.values:
                    for option in str(value).split(";"):
                        if option and option not in there.options:
                            told = _no_option(condition.property, option, there.options)
                            yield from self._placed(webhook, condition.property, told)

    def _placed(self, webhook: Webhook, name: str, told: str) -> Iterator[Problem]:
        for place in loading.property_places(self._path, webhook.name, name)[:1]:
            yield replace(place, message=told)


def _where(webhooks: Iterable[Webhook]) -> str:
    return ", ".join(f"webhooks.{one.name}" for one in webhooks)


def _not_there(where: str, listed: tuple[str, ...] | None, described: Described) -> Iterator[str]:
    for name in listed or ():
        told = _lacks(name, described) if described.is_whole else None
        if told is not None:
            yield f"{where}.properties: {told}"


def _lacks(name: str, described: Described) -> str | None:
    """Return that the API has no property *name*, None where it has, or nobody knows."""
    if name in described.properties:
        return None
    if not described.is_whole:
        there = {*described.properties, *(one for record in described.records for one in record)}
        if not described.records or name in there:
            return None
        return no_property(name, there, looked_at=len(described.records))
    # What is associated, and lists, are no properties of the API's own.
    if "." in name:
        return None
    return f"{name}: the API has no property of this name{near(name, described.properties)}"


def _no_option(name: str, value: str, options: tuple[str, ...]) -> str:
    shown = ", ".join(options[:8]) + (", …" if options[8:] else "")
    return f"{name}: {value!r} is no option of it{near(value, options) or f'; it has {shown}'}"
