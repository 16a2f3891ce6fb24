"""Who requests are from: authentication and signatures as the file writes them, and as definitions.

Webhooks and sources write them alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import definitions
from webhookd.config import models
from webhookd.config.file_form import made
from webhookd.model import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Node


def authentication(
    form: models.Authentication | models.NoAuthentication | None, folder: Path, secrets: Secrets
) -> definitions.Authentication | None:
    """Return the authentication that *form* is, in a file of *folder*; None where it is none."""
    match form:
        case models.ApiKey():
            return made(definitions.ApiKey, form, key=secrets.resolve(form.key, folder))
        case models.Bearer():
            return made(definitions.Bearer, form, token=secrets.resolve(form.token, folder))
        case models.Basic():
            return basic(form, folder, secrets)
        case models.OAuth2():
            return _oauth2(form, folder, secrets)
        case models.NoAuthentication() | None:
            return None


def basic(form: models.Basic, folder: Path, secrets: Secrets) -> definitions.Basic:
    """Return the name and password that *form* is."""
    username = _text(form.username, folder, secrets)
    written = form.password
    password = Secret("") if isinstance(written, str) else secrets.resolve(written, folder)
    return made(definitions.Basic, form, username=username, password=password)


def _oauth2(form: models.OAuth2, folder: Path, secrets: Secrets) -> definitions.OAuth2:
    refresh = form.refresh_token
    return made(
        definitions.OAuth2,
        form,
        client_id=_text(form.client_id, folder, secrets),
        client_secret=secrets.resolve(form.client_secret, folder),
        parameters=tuple(form.parameters.items()),
        refresh_token=None if refresh is None else secrets.resolve(refresh, folder),
    )


def _text(written: str | models.SecretReference, folder: Path, secrets: Secrets) -> str | Secret:
    return written if isinstance(written, str) else secrets.resolve(written, folder)


@dataclass(frozen=True)
class Apps:
    """Makes signatures with the secrets of apps, which count from the folders of *nodes*."""

    forms: Mapping[str, models.App]
    nodes: Mapping[str, Node]
    secrets: Secrets

    def signatures(
        self, form: models.Signature | tuple[models.Signature, ...] | None
    ) -> tuple[definitions.Signature, ...]:
        """Return the signatures that *form* is: a list of them, one, or none."""
        forms = () if form is None else form if isinstance(form, tuple) else (form,)
        return tuple(map(self._signature, forms))

    def _signature(self, form: models.Signature) -> definitions.Signature:
        app, folder = self.forms[form.app_id], self.nodes[form.app_id].folder
        return made(
            definitions.Signature,
            form,
            client_secret=self.secrets.resolve(app.client_secret, folder),
            previous_client_secrets=tuple(
                self.secrets.resolve(reference, folder) for reference in app.previous_client_secrets
            ),
        )
