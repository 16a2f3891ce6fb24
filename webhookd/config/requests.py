"""The request of a webhook, from its model to the plan, with its secrets resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.config import models
from webhookd.config.checks.payloads import BODY_METHODS
from webhookd.config.scalars import json_of
from webhookd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from webhookd.config.authorities import Authorities
    from webhookd.config.parts import Part
    from webhookd.config.secrets import Secrets


@dataclass(frozen=True)
class Requests:
    """Makes requests; what a file names is taken from the folder of that file."""

    apps: Mapping[str, models.App]
    app_parts: Mapping[str, Part]
    secrets: Secrets
    authorities: Authorities

    def request(self, model: models.Request, folder: Path) -> plan.Request:
        """Return the request that *model* describes in a file of *folder*."""
        return plan.Request(
            method=model.method,
            url=model.url,
            authentication=self._authentication(model.authentication, folder),
            signature=self._signature(model.signature),
            headers=tuple(model.headers.items()),
            body=_body(model),
            query=_chosen(model.query.properties) if model.query else (),
            tls=self._tls(model.tls, folder),
        )

    def _authentication(
        self, model: models.ApiKey | models.Bearer | models.Basic | None, folder: Path
    ) -> plan.Authentication | None:
        match model:
            case models.ApiKey():
                key = self.secrets.resolve(model.key, folder)
                return plan.ApiKey(model.name, model.location, key)
            case models.Bearer():
                return plan.Bearer(self.secrets.resolve(model.token, folder))
            case models.Basic():
                password = self.secrets.resolve(model.password, folder)
                return plan.Basic(model.username, password)
            case None:
                return None

    def _signature(self, model: models.Signature | None) -> plan.Signature | None:
        if model is None:
            return None
        app, folder = self.apps[model.app_id], self.app_parts[model.app_id].folder
        return plan.Signature(
            app_id=model.app_id,
            scheme=model.scheme,
            client_secret=self.secrets.resolve(app.client_secret, folder),
            previous_client_secrets=tuple(
                self.secrets.resolve(reference, folder) for reference in app.previous_client_secrets
            ),
        )

    def _tls(self, model: models.Tls, folder: Path) -> plan.Tls:
        if model.ca_file is None:
            return plan.Tls()
        path = (folder / model.ca_file).absolute()
        if self.secrets.offline:
            return plan.Tls(path)
        return plan.Tls(path, self.authorities.fingerprint(folder / model.ca_file))


def _body(model: models.Request) -> plan.Body | None:
    if model.body is None and model.method not in BODY_METHODS:
        return None
    body = model.body or models.Body()
    chosen = None if body.properties == "all" else _chosen(body.properties)
    usual = plan.BodyFormat.RECORD if chosen is None else plan.BodyFormat.FLAT
    return plan.Body(
        properties=chosen,
        static={name: json_of(value) for name, value in body.static.items()},
        format=body.format or usual,
        previous=body.previous,
    )


def _chosen(
    properties: Iterable[str | models.ChosenProperty],
) -> tuple[plan.ChosenProperty, ...]:
    return tuple(map(_chosen_property, properties))


def _chosen_property(model: str | models.ChosenProperty) -> plan.ChosenProperty:
    if isinstance(model, str):
        return plan.ChosenProperty(model, model)
    return plan.ChosenProperty(model.property, model.sent_as or model.property)
