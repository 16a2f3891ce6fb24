"""What `webhookd sources try` does: apart from its command, since it takes long to load."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import typer

from webhookd import clock
from webhookd.config import loading
from webhookd.config.messages import no_such
from webhookd.errors import WebhookdError, printable

if TYPE_CHECKING:
    from pathlib import Path

    from webhookd.definitions import Definitions, Source

UNREACHABLE = 3


class NotTriedError(WebhookdError):
    """There is no such source or object, or nothing of it can be tried."""


def try_source(source: str, object_: str | None, config: Path) -> int:
    """Try *source*, or one object of it, and print what came of it; return the exit status."""
    definitions = loading.load(config, environment=os.environ).definitions
    found = definitions.sources.get(source)
    if found is None:
        raise NotTriedError(no_such("source", source, definitions.sources))
    if object_ is not None and object_ not in found.polled_objects:
        raise NotTriedError(f"{source}: {no_such('object', object_, found.polled_objects)}")
    return asyncio.run(_tried(definitions, found, object_))


async def _tried(definitions: Definitions, source: Source, object_: str | None) -> int:
    from webhookd.cli import outgoing  # noqa: PLC0415 - what reads sources takes long to load
    from webhookd.sources import kinds  # noqa: PLC0415

    attempt = kinds.attempt(source)
    if attempt is None:
        raise NotTriedError(f"the source {source.name} is of a type that cannot be tried so")
    results = []
    async with outgoing.opened(definitions) as out:
        for name in source.polled_objects if object_ is None else (object_,):
            result = await attempt(
                source,
                name,
                transport=out.transport,
                egress=definitions.egress,
                clock=clock.SYSTEM,
                credentials_of=out.keyring.of,
                say=lambda line: typer.echo(printable(out.secrets.redactor.text(line))),
            )
            results.append(result)
    return UNREACHABLE if "unreachable" in results else int("wrong" in results)
