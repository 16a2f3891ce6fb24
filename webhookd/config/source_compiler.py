"""Models of sources in, their definitions out: one function for each kind.

Like everything that compiles, they run only when nothing is wrong, so nothing here can fail.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from webhookd import definitions
from webhookd.config.authentication_compiler import authentication
from webhookd.config.checks.api_sources import start_at
from webhookd.config.checks.drop_directory import absolute_path
from webhookd.config.file_form import made

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config import models
    from webhookd.config.authentication_compiler import Apps
    from webhookd.config.text.node import Node


def hubspot(name: str, model: models.Hubspot, node: Node, apps: Apps) -> definitions.HubspotSource:
    """Return the definition that *model* is; *node* is its place, *apps* may sign wakes."""
    return made(
        definitions.HubspotSource,
        model,
        name=name,
        base_url=model.base_url.rstrip("/"),
        token=apps.secrets.resolve(model.token, node.folder),
        objects=tuple(_object(*one) for one in model.objects.items()),
        start=_start(model.start),
        wake=_wake(model.wake, node, apps),
    )


def _wake(model: models.Wake | None, node: Node, apps: Apps) -> definitions.Wake | None:
    if model is None:
        return None
    shown = authentication(model.authentication, node.folder, apps.secrets)
    # Checked before: a token of a server proves nothing here.
    known = None if isinstance(shown, definitions.OAuth2) else shown
    return definitions.Wake(apps.signatures(model.signature), known)


def _object(name: str, model: models.HubspotObject) -> definitions.HubspotObject:
    deletions = model.deletions
    told = deletions if isinstance(deletions, definitions.HubspotDeletions) else None
    lists = tuple(made(definitions.HubspotList, one, name=key) for key, one in model.lists.items())
    return made(
        definitions.HubspotObject,
        model,
        name=name,
        properties=None if model.properties == "all" else model.properties,
        deletions=told is not None or bool(deletions),
        archive=told is None or told.archive,
        absence=None if told is None else told.absence,
        lists=lists,
        associated=tuple(_associated(*one) for one in model.associated.items()),
        owners=tuple(
            made(definitions.HubspotOwner, one, prefix=prefix)
            for prefix, one in model.owners.items()
        ),
    )


def _associated(prefix: str, model: models.HubspotAssociated) -> definitions.HubspotAssociated:
    label = model.label
    return made(
        definitions.HubspotAssociated,
        model,
        prefix=prefix,
        object=model.object or prefix,
        label=label if isinstance(label, str) else None,
        type_id=None if label is None or isinstance(label, str) else label.type_id,
    )


def _start(text: str) -> Literal["now", "beginning"] | datetime:
    match text:
        case "now" | "beginning":
            return text
        case _:
            # Checked before: a text that says no time does not come this far.
            return start_at(text) or datetime.max.replace(tzinfo=UTC)


def drop_directory(
    name: str,
    model: models.DropDirectory,
    node: Node,
    apps: Apps,  # noqa: ARG001 - nothing is signed
) -> definitions.DirectorySource:
    """Return the definition that *model* is; its path counts from *node*'s folder."""
    path = absolute_path(node.folder, model.path)
    return made(definitions.DirectorySource, model, name=name, path=path, json=model.json_)


def rest(name: str, model: models.Rest, node: Node, apps: Apps) -> definitions.RestSource:
    """Return the definition that *model* is; *node* is its place, *apps* may sign wakes."""
    return made(
        definitions.RestSource,
        model,
        name=name,
        base_url=model.base_url.rstrip("/"),
        authentication=authentication(model.authentication, node.folder, apps.secrets),
        start=_start(model.start),
        errors=tuple(made(definitions.RestError, one, length=one.length) for one in model.errors),
        objects=tuple(_rest_object(*one) for one in model.objects.items()),
        wake=_wake(model.wake, node, apps),
    )


def _rest_object(name: str, model: models.RestObject) -> definitions.RestObject:
    return made(
        definitions.RestObject,
        model,
        name=name,
        properties=None if model.properties == "all" else model.properties,
        detect=made(
            definitions.RestDetect,
            model.detect,
            time_format=model.detect.format,
            begin=model.detect.begin,
        ),
    )


def own_events(
    name: str,
    model: models.OwnEvents,
    node: Node,  # noqa: ARG001 - it names no files
    apps: Apps,  # noqa: ARG001 - and nothing is signed
) -> definitions.OwnEventsSource:
    """Return the definition that *model* is."""
    return made(definitions.OwnEventsSource, model, name=name)


def reading_of_files(source: Mapping[str, Any]) -> definitions.ValueReading:
    """Return how conditions read what a drop directory holds, given as the document tells it."""
    told = source.get("csv", {})
    return TypeAdapter(definitions.CsvSettings).validate_python(told).value_reading
