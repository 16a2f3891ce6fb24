"""A whole configuration, as the file writes it."""

from __future__ import annotations

from typing import Literal

from webhookd import definitions
from webhookd.config.file_form import with_fields_of
from webhookd.config.models.file_keys import Keys, SecretReference
from webhookd.config.models.request_models import Request
from webhookd.config.models.source_models import Source
from webhookd.config.models.trigger_models import Trigger


class App(Keys):
    """An app and its client secrets."""

    client_secret: SecretReference
    previous_client_secrets: tuple[SecretReference, ...] = ()


class Egress(Keys):
    """Which addresses may be connected to."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@with_fields_of(definitions.Webhook, but=("name",))
class Webhook(Keys):
    """Which changes of which records become which request."""

    trigger: Trigger = Trigger()
    request: Request


class Configuration(Keys):
    """A whole configuration, of one file or several, with `defaults` merged into the webhooks."""

    version: Literal[1]
    apps: dict[str, App] = {}
    secrets: dict[str, SecretReference] = {}
    egress: Egress = Egress()
    sources: dict[str, Source] = {}
    webhooks: dict[str, Webhook] = {}
