"""The properties that a source's API has now, for `sources properties --fetch`."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any, TypeAlias

from webhookd import clock
from webhookd.cli import outgoing
from webhookd.cli.property_list import NoSuchObjectError
from webhookd.config import loading
from webhookd.config.messages import no_such
from webhookd.errors import SourceError
from webhookd.operations.lookups.property_figures import figures, used_by
from webhookd.sources import kinds
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from pathlib import Path

    from webhookd.definitions import Definitions, Source
    from webhookd.sources.described import Described, DescribedProperty
    from webhookd.sources.kinds import Describe

Shown: TypeAlias = dict[str, Any]


def of_api(source: str, object_: str | None, config: Path) -> list[Shown]:
    """Return what the API of *source* has of each type of object, or of one.

    Raises SourceError where it refuses, or does not answer.
    """
    definitions = loading.load(config, environment=os.environ).definitions
    settings = definitions.sources.get(source)
    if settings is None:
        raise NoSuchObjectError(no_such("source", source, definitions.sources))
    describe = kinds.describe(settings)
    if describe is None:
        raise SourceError(
            f"the source {source} is no API that could be asked; --file FILE takes a file"
        )
    if object_ is not None and object_ not in settings.polled_objects:
        raise NoSuchObjectError(f"{source}: {no_such('object', object_, settings.polled_objects)}")
    objects = settings.polled_objects if object_ is None else (object_,)
    return asyncio.run(_asked(definitions, settings, objects, describe))


async def _asked(
    definitions: Definitions, settings: Source, objects: tuple[str, ...], describe: Describe
) -> list[Shown]:
    found = []
    async with outgoing.opened(definitions) as out:
        try:
            for name in objects:
                described = await describe(
                    settings,
                    name,
                    transport=out.transport,
                    egress=definitions.egress,
                    clock=clock.SYSTEM,
                    credentials_of=out.keyring.of,
                )
                shown = _shown(definitions, settings.name, name, described)
                found.append(shown | {"untold": out.secrets.redactor.text(described.untold)})
        except SourceError as error:
            # What a source says of a refusal is shortened: secrets are hidden before.
            raise SourceError(out.secrets.redactor.text(str(error))) from None
    return found


def _shown(definitions: Definitions, source: str, object_: str, described: Described) -> Shown:
    listed = described.properties
    told = figures(described.records, listed, used_by(definitions, source, object_))
    return {
        "object": object_,
        "looked_at": len(described.records),
        "properties": [json.loads(written(one)) | _facts(listed.get(one.name)) for one in told],
    }


def _facts(described: DescribedProperty | None) -> Shown:
    if described is None:
        return {}
    return {
        "type": described.type,
        "label": described.label,
        "options": list(described.options),
    }
