"""The request of a webhook, from its form in the file to its definition, with its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from webhookd import definitions
from webhookd.config import models
from webhookd.config.authentication_compiler import authentication, basic
from webhookd.config.checks.payloads import BODY_METHODS
from webhookd.config.file_form import made
from webhookd.config.templates.marks import holds_marks
from webhookd.config.text.scalars import json_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from webhookd.config.authentication_compiler import Apps
    from webhookd.config.secrets import Secrets
    from webhookd.config.tls_files import TlsFiles
    from webhookd.definitions import ValueReading
    from webhookd.definitions.templates import LiveTemplates
    from webhookd.model import Secret


@dataclass(frozen=True)
class Requests:
    """Makes requests; what a file names is taken from the folder of that file."""

    apps: Apps
    named_secrets: Mapping[str, Secret]
    secrets: Secrets
    tls_files: TlsFiles

    def request(
        self, form: models.Request, folder: Path, reading: ValueReading
    ) -> definitions.Request:
        """Return the request that *form* describes in a file of *folder*.

        *reading* says how the webhook's source writes numbers and dates.
        """
        signatures = self.apps.signatures(form.signature)
        body, live = _body(form, reading), _live(form, reading)
        return made(
            definitions.Request,
            form,
            url=self._url(form.url, folder),
            authentication=authentication(form.authentication, folder, self.secrets),
            signature=signatures[0] if signatures else None,
            headers=tuple(form.headers.items()),
            body=body,
            query=_chosen(form.query.properties) if form.query else (),
            tls=self._tls(form.tls, folder),
            proxy=self._proxy(form, folder),
            more_signatures=signatures[1:],
            secrets=self._of_templates(body, live),
            live=live,
            query_static=tuple(form.query.static.items()) if form.query else (),
        )

    def _of_templates(
        self, body: definitions.Body | None, live: LiveTemplates | None
    ) -> dict[str, Secret]:
        """Return the secrets that the templates of a request name."""
        template = None if body is None else body.template
        names = frozenset() if template is None else template.secrets
        names |= frozenset() if live is None else live.secrets
        return {name: self.named_secrets[name] for name in sorted(names)}

    def _url(self, form: str | models.SecretReference, folder: Path) -> str | Secret:
        return form if isinstance(form, str) else self.secrets.resolve(form, folder)

    def _tls(self, form: models.Tls, folder: Path) -> definitions.Tls:
        written = (form.ca_file, form.client_cert_file, form.client_key_file)
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
        self, form: models.Request, folder: Path
    ) -> definitions.Proxy | Literal["direct"] | None:
        if form.proxy is None:
            return None
        if form.proxy == definitions.DIRECT:
            return definitions.DIRECT
        if form.proxy_authentication is None:
            return definitions.Proxy(form.proxy)
        return definitions.Proxy(form.proxy, basic(form.proxy_authentication, folder, self.secrets))


def _live(form: models.Request, reading: ValueReading) -> LiveTemplates | None:
    url = form.url if isinstance(form.url, str) else None
    if not any(map(holds_marks, (url or "", *form.headers.values()))):
        return None
    # Jinja takes a while to load: only where there are expressions.
    from webhookd.config.templates import live_templates  # noqa: PLC0415

    return live_templates.live_templates(url, form.headers, reading)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _body(form: models.Request, reading: ValueReading) -> definitions.Body | None:
    if form.body is None and form.method not in BODY_METHODS:
        return None
    body = form.body or models.Body()
    if body.template is not None:
        # Jinja takes a while to load: only where there is a template.
        from webhookd.config.templates import body_tree  # noqa: PLC0415

        template = body_tree.body_template(body.template, body.content_type, reading)
        return definitions.Body(
            (), {}, definitions.BodyFormat.FLAT, previous=False, template=template
        )
    chosen = None if body.properties == "all" else _chosen(body.properties)
    usual = definitions.BodyFormat.RECORD if chosen is None else definitions.BodyFormat.FLAT
    return made(
        definitions.Body,
        body,
        properties=chosen,
        static={name: json_of(value) for name, value in body.static.items()},
        format=body.format or usual,
        template=None,
    )


def _chosen(
    properties: Iterable[str | models.ChosenProperty],
) -> tuple[definitions.ChosenProperty, ...]:
    return tuple(map(_chosen_property, properties))


def _chosen_property(form: str | models.ChosenProperty) -> definitions.ChosenProperty:
    if isinstance(form, str):
        return definitions.ChosenProperty(form, form)
    return definitions.ChosenProperty(form.property, form.sent_as or form.property)
