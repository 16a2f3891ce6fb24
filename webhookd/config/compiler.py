"""Models in, definitions out: runs only when nothing is wrong, so nothing here can fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd import definitions
from webhookd.config import addressing, fingerprints, models, source_kinds
from webhookd.config.authentication_compiler import Apps
from webhookd.config.defaults import merged
from webhookd.config.file_form import made
from webhookd.config.request_compiler import Requests
from webhookd.config.trigger_compiler import trigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Collection, Node
    from webhookd.config.tls_files import TlsFiles
    from webhookd.definitions import ValueReading
    from webhookd.model import Secret


@dataclass(frozen=True)
class Compiled:
    """Definitions, and the document they were made of: every default in it, and no secret."""

    definitions: definitions.Definitions
    document: Mapping[str, Any]


def compile_definitions(collection: Collection, secrets: Secrets, tls_files: TlsFiles) -> Compiled:
    """Return the definitions of *collection*, which has been checked."""
    configuration = _configuration(collection)
    sources = collection.entries("sources")
    named = {
        name: secrets.resolve(reference, collection.entries("secrets")[name].folder)
        for name, reference in configuration.secrets.items()
    }
    apps = Apps(configuration.apps, collection.entries("apps"), secrets)
    requests = Requests(apps, named, secrets, tls_files)
    compiled = {
        name: source_kinds.KINDS[model.type].compile(name, model, sources[name], apps)
        for name, model in configuration.sources.items()
    }
    webhooks = {
        name: webhook(name, model, node, requests, compiled[node.value["source"]].value_reading)
        for (name, node), model in zip(
            collection.entries("webhooks").items(), configuration.webhooks.values(), strict=True
        )
    }
    made = definitions.Definitions(
        hash=fingerprints.of(configuration),
        egress=_egress(configuration.egress),
        sources=compiled,
        webhooks=webhooks,
        secrets=_hidden(secrets, webhooks.values()),
        named_secrets=named,
    )
    return Compiled(made, fingerprints.effective(configuration))


def _hidden(secrets: Secrets, webhooks: Iterable[definitions.Webhook]) -> tuple[Secret, ...]:
    """Return the secrets that are hidden whole: of a URL that is one, the host may be shown."""
    urls = {one.request.url for one in webhooks}
    return tuple(secret for secret in secrets.all() if secret not in urls)


def _configuration(collection: Collection) -> models.Configuration:
    defaults, egress = collection.section("defaults"), collection.section("egress")
    default_delivery = defaults.mapping("delivery") if defaults else {}
    return models.Configuration.model_validate(
        {
            "version": 1,
            "apps": _values(collection.entries("apps")),
            "secrets": _values(collection.entries("secrets")),
            "egress": egress.value if egress else {},
            "sources": {
                name: _source(node) for name, node in collection.entries("sources").items()
            },
            "webhooks": {
                name: _with_defaults(node.value, default_delivery)
                for name, node in collection.entries("webhooks").items()
            },
        }
    )


def _source(node: Node) -> dict[str, Any]:
    """Return a source as its model reads it; what a preset gave to it is in it."""
    preset = node.document.presets.get(node.name)
    told = {} if preset is None else {"extends": preset}
    return {**source_kinds.KINDS[node.value["type"]].written(node.value), **told}


def _values(nodes: Mapping[str, Node]) -> dict[str, Any]:
    return {name: node.value for name, node in nodes.items()}


def _with_defaults(webhook: dict[str, Any], delivery: dict[str, Any]) -> dict[str, Any]:
    own = webhook.get("delivery", {})
    return {**webhook, "delivery": merged(delivery, own)}


def _egress(model: models.Egress) -> definitions.Egress:
    return definitions.Egress(
        allow=tuple(map(addressing.network, model.allow)),
        deny=tuple(map(addressing.network, model.deny)),
    )


def webhook(
    name: str, form: models.Webhook, node: Node, requests: Requests, reading: ValueReading
) -> definitions.Webhook:
    """Return the webhook *name* that *form*, written at *node*, describes."""
    return made(
        definitions.Webhook,
        form,
        name=name,
        trigger=trigger(form.trigger, reading),
        request=requests.request(form.request, node.folder, reading),
    )
