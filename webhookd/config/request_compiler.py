"""The request of a webhook, from its model to the definition, with its secrets resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from webhookd import definitions
from webhookd.config import models
from webhookd.config.checks.payloads import BODY_METHODS
from webhookd.config.text.scalars import json_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Part
    from webhookd.config.tls_files import TlsFiles


@dataclass(frozen=True)
class Requests:
    """Makes requests; what a file names is taken from the folder of that file."""

    apps: Mapping[str, models.App]
    app_parts: Mapping[str, Part]
    secrets: Secrets
    tls_files: TlsFiles

    def request(self, model: models.Request, folder: Path) -> definitions.Request:
        """Return the request that *model* describes in a file of *folder*."""
        return definitions.Request(
            method=model.method,
            url=model.url,
            authentication=self._authentication(model.authentication, folder),
            signature=self._signature(model.signature),
            headers=tuple(model.headers.items()),
            body=_body(model),
            query=_chosen(model.query.properties) if model.query else (),
            tls=self._tls(model.tls, folder),
            proxy=self._proxy(model, folder),
        )

    def _authentication(
        self, model: models.ApiKey | models.Bearer | models.Basic | None, folder: Path
    ) -> definitions.Authentication | None:
        match model:
            case models.ApiKey():
                key = self.secrets.resolve(model.key, folder)
                return definitions.ApiKey(model.name, model.location, key)
            case models.Bearer():
                return definitions.Bearer(self.secrets.resolve(model.token, folder))
            case models.Basic():
                password = self.secrets.resolve(model.password, folder)
                return definitions.Basic(model.username, password)
            case None:
                return None

    def _signature(self, model: models.Signature | None) -> definitions.Signature | None:
        if model is None:
            return None
        app, folder = self.apps[model.app_id], self.app_parts[model.app_id].folder
        return definitions.Signature(
            app_id=model.app_id,
            scheme=model.scheme,
            client_secret=self.secrets.resolve(app.client_secret, folder),
            previous_client_secrets=tuple(
                self.secrets.resolve(reference, folder) for reference in app.previous_client_secrets
            ),
        )

    def _tls(self, model: models.Tls, folder: Path) -> definitions.Tls:
        written = (model.ca_file, model.client_cert_file, model.client_key_file)
        authorities, certificate, key = (folder / name if name else None for name in written)
        is_online = not self.secrets.offline
        return definitions.Tls(
            _absolute(authorities),
            self.tls_files.authority_fingerprint(authorities) if authorities and is_online else "",
            _absolute(certificate),
            _absolute(key),
            self.tls_files.client_fingerprint(certificate, key)
            if certificate and is_online
            else None,
        )

    def _proxy(
        self, model: models.Request, folder: Path
    ) -> definitions.Proxy | Literal["direct"] | None:
        if model.proxy is None:
            return None
        if model.proxy == definitions.DIRECT:
            return definitions.DIRECT
        basic = model.proxy_authentication
        if basic is None:
            return definitions.Proxy(model.proxy)
        password = self.secrets.resolve(basic.password, folder)
        return definitions.Proxy(model.proxy, definitions.Basic(basic.username, password))


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _body(model: models.Request) -> definitions.Body | None:
    if model.body is None and model.method not in BODY_METHODS:
        return None
    body = model.body or models.Body()
    chosen = None if body.properties == "all" else _chosen(body.properties)
    usual = definitions.BodyFormat.RECORD if chosen is None else definitions.BodyFormat.FLAT
    return definitions.Body(
        properties=chosen,
        static={name: json_of(value) for name, value in body.static.items()},
        format=body.format or usual,
        previous=body.previous,
    )


def _chosen(
    properties: Iterable[str | models.ChosenProperty],
) -> tuple[definitions.ChosenProperty, ...]:
    return tuple(map(_chosen_property, properties))


def _chosen_property(model: str | models.ChosenProperty) -> definitions.ChosenProperty:
    if isinstance(model, str):
        return definitions.ChosenProperty(model, model)
    return definitions.ChosenProperty(model.property, model.sent_as or model.property)
