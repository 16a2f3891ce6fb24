"""The configuration in force as a draft sees it: what may be named, and never a secret.

It is made of the document that the daemon shows (every default in it, references in the place of
secrets) and of what the file's `defaults` say, so that whoever may look at that can look at drafts:
the daemon and the console alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhookd.config import models
from webhookd.config.authentication_compiler import Apps
from webhookd.config.checks.context import Context
from webhookd.config.request_compiler import Requests
from webhookd.config.secrets import Secrets
from webhookd.config.source_kinds import KINDS
from webhookd.config.text.document import Document
from webhookd.config.text.node import Collection
from webhookd.config.tls_files import TlsFiles
from webhookd.model import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.models import SecretReference
    from webhookd.definitions import ValueReading

PLACEHOLDER = "placeholder"
"""What stands in a draft's request wherever a secret is named."""

_SIGNING_PLACEHOLDER = "whsec_" + 3 * "placeholder0"
"""The same for signatures, one scheme of which wants secrets of a shape of its own."""

_SECTIONS = ("apps", "secrets", "sources")


@dataclass(frozen=True)
class _Placeholders(Secrets):
    """Resolves every reference to a placeholder, and looks nowhere."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    offline: bool = True
    text: str = PLACEHOLDER

    def resolve(self, reference: SecretReference, folder: Path) -> Secret:  # noqa: ARG002 - alike
        """Return the placeholder."""
        return Secret(self.text)


@dataclass(frozen=True, slots=True)
class Ground:
    """What drafts are checked against and compiled with; made once for many of them."""

    context: Context
    requests: Requests
    readings: Mapping[str, ValueReading] = field(repr=False)
    """By source, how its values are read."""
    delivery: Mapping[str, Any] = field(default_factory=dict)
    """What `defaults` add to every webhook's `delivery`."""


def ground(document: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Ground:
    """Return the ground that a configuration's *document* is, with its section *defaults*."""
    data: dict[str, Any] = {"version": 1, **{name: document.get(name) or {} for name in _SECTIONS}}
    if defaults:
        data["defaults"] = defaults
    collection = Collection((Document("the configuration in force", Path(), data),))
    secrets, tls_files = _Placeholders(), TlsFiles()
    context = Context(
        apps=collection.entries("apps"),
        sources=collection.entries("sources"),
        named_secrets=collection.entries("secrets"),
        defaults=collection.section("defaults"),
        secrets=secrets,
        tls_files=tls_files,
        is_whole=True,
    )
    forms = {name: models.App.model_validate(form) for name, form in data["apps"].items()}
    named = dict.fromkeys(data["secrets"], Secret(PLACEHOLDER))
    apps = Apps(forms, context.apps, _Placeholders(text=_SIGNING_PLACEHOLDER))
    requests = Requests(apps, named, secrets, tls_files)
    readings = {
        name: KINDS[source["type"]].reading(source) for name, source in data["sources"].items()
    }
    return Ground(context, requests, readings, (defaults or {}).get("delivery") or {})
