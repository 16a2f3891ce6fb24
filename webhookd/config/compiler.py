"""Models in, definitions out: runs only when nothing is wrong, so nothing here can fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from webhookd import definitions
from webhookd.config import addressing, fingerprints, models
from webhookd.config.checks.hubspot import start_at
from webhookd.config.checks.sources import absolute_path
from webhookd.config.defaults import merged
from webhookd.config.request_compiler import Requests
from webhookd.config.trigger_compiler import trigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Collection, Part
    from webhookd.config.tls_files import TlsFiles


@dataclass(frozen=True)
class Compiled:
    """Definitions, and the document they were made of: every default in it, and no secret."""

    definitions: definitions.Definitions
    document: Mapping[str, Any]


def compile_definitions(collection: Collection, secrets: Secrets, tls_files: TlsFiles) -> Compiled:
    """Return the definitions of *collection*, which has been checked."""
    configuration = _configuration(collection)
    apps, sources = collection.entries("apps"), collection.entries("sources")
    requests = Requests(configuration.apps, apps, secrets, tls_files)
    webhooks = {
        name: _webhook(name, model, part, requests)
        for (name, part), model in zip(
            collection.entries("webhooks").items(), configuration.webhooks.values(), strict=True
        )
    }
    made = definitions.Definitions(
        hash=fingerprints.of(configuration),
        egress=_egress(configuration.egress),
        sources={
            name: _source(name, model, sources[name], secrets)
            for name, model in configuration.sources.items()
        },
        webhooks=webhooks,
        secrets=secrets.all(),
    )
    return Compiled(made, fingerprints.effective(configuration))


def _configuration(collection: Collection) -> models.Configuration:
    defaults, egress = collection.section("defaults"), collection.section("egress")
    default_delivery = defaults.mapping("delivery") if defaults else {}
    return models.Configuration.model_validate(
        {
            "version": 1,
            "apps": _values(collection.entries("apps")),
            "egress": egress.value if egress else {},
            "sources": _values(collection.entries("sources")),
            "webhooks": {
                name: _with_defaults(part.value, default_delivery)
                for name, part in collection.entries("webhooks").items()
            },
        }
    )


def _values(parts: Mapping[str, Part]) -> dict[str, Any]:
    return {name: part.value for name, part in parts.items()}


def _with_defaults(webhook: dict[str, Any], delivery: dict[str, Any]) -> dict[str, Any]:
    own = webhook.get("delivery", {})
    return {**webhook, "delivery": merged(delivery, own)}


def _egress(model: models.Egress) -> definitions.Egress:
    return definitions.Egress(
        allow=tuple(map(addressing.network, model.allow)),
        deny=tuple(map(addressing.network, model.deny)),
    )


def _source(name: str, model: models.Source, part: Part, secrets: Secrets) -> definitions.Source:
    match model:
        case models.DropDirectory():
            return _directory(name, model, part)
        case models.Hubspot():
            return _hubspot(name, model, part, secrets)


def _hubspot(
    name: str, model: models.Hubspot, part: Part, secrets: Secrets
) -> definitions.HubspotSource:
    return definitions.HubspotSource(
        name=name,
        base_url=model.base_url.rstrip("/"),
        token=secrets.resolve(model.token, part.folder),
        objects=tuple(
            definitions.HubspotObject(
                object_name,
                None if read.properties == "all" else read.properties,
                deletions=read.deletions,
            )
            for object_name, read in model.objects.items()
        ),
        api_version=model.api_version,
        poll_every=model.poll_every,
        start=_start(model.start),
        overlap=model.overlap,
        requests_per_second=model.requests_per_second,
    )


def _start(text: str) -> Literal["now", "beginning"] | datetime:
    match text:
        case "now" | "beginning":
            return text
        case _:
            # Checked before: a text that says no time does not come this far.
            return start_at(text) or datetime.max.replace(tzinfo=UTC)


def _directory(name: str, model: models.DropDirectory, part: Part) -> definitions.DirectorySource:
    return definitions.DirectorySource(
        name=name,
        path=absolute_path(part.folder, model.path),
        object=model.object,
        id_property=model.id_property,
        content=model.content,
        partial=model.partial,
        format=model.format,
        start=model.start,
        on_done=model.on_done,
        host=model.host,
    )


def _webhook(
    name: str, model: models.Webhook, part: Part, requests: Requests
) -> definitions.Webhook:
    return definitions.Webhook(
        name=name,
        source=model.source,
        object=model.object,
        request=requests.request(model.request, part.folder),
        trigger=trigger(model.trigger),
        delivery=_delivery(model.delivery),
        description=model.description,
        enabled=model.enabled,
    )


def _delivery(model: models.Delivery) -> definitions.DeliveryPolicy:
    return definitions.DeliveryPolicy(
        timeout=model.timeout,
        connect_timeout=model.connect_timeout,
        concurrency=model.concurrency,
        rate_limit=model.rate_limit,
        order=model.order,
        coalesce=model.coalesce,
        retry=definitions.RetryPolicy(**dict(model.retry)),
    )
