"""What `webhookd listen` knows of the requests that come: secrets, and which webhooks sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhookd.config import loading
from webhookd.config.settings import config_places
from webhookd.config.settings.process_settings import Settings
from webhookd.definitions import Egress
from webhookd.errors import ConfigError, WebhookdError
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.transport.relay import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from webhookd.definitions import Definitions, Hmac, Request


class MissingSecretError(WebhookdError):
    """The variable that should hold the secret to verify with is not there."""


@dataclass(frozen=True, slots=True)
class Known:
    """The secrets to verify signatures with, and all that must not be shown.

    *signs* says by method and path whether all webhooks that request them sign, as far as the
    configuration tells; *egress* is its own. *unused* says why one that was found is not used.
    """

    signing: tuple[Secret, ...]
    redactor: Redactor
    forms: tuple[Hmac, ...] = ()
    egress: Egress = field(default_factory=Egress)
    signs: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    unused: str = ""

    def is_signed(self, method: str, path: str) -> bool:
        """Return whether a request to *path* should carry a signature."""
        return self.signs.get((method, path), False)


def known(variable: str | None, config: Path | None, environment: Mapping[str, str]) -> Known:
    """Return the secrets of the variable and of the configuration."""
    told: tuple[Secret, ...] = ()
    if variable is not None:
        if not environment.get(variable):
            raise MissingSecretError(f"the environment variable {variable} is not set or empty")
        told = (Secret(environment[variable]),)
    named = Settings.from_environment(environment, config=config).config
    path = named or config_places.find()
    if path is None:
        return Known(told, Redactor(told))
    try:
        return _of(loading.load(path, environment=environment).definitions, told)
    except ConfigError as error:
        if named is not None:
            raise
        # One that was only found may be of no use here: its secrets are the daemon's.
        return Known(told, Redactor(told), unused=f"{path} is not used: {error.problems[0]}")


def _of(definitions: Definitions, told: tuple[Secret, ...]) -> Known:
    signing, forms = list(told), []
    signs: dict[tuple[str, str], bool] = {}
    for webhook in definitions.webhooks.values():
        request = webhook.request
        for signature in request.signatures:
            signing += (signature.client_secret, *signature.previous_client_secrets)
            if signature.hmac is not None:
                forms.append(signature.hmac)
        place = request.method, _path(request)
        signs[place] = bool(request.signatures) and signs.get(place, True)
    return Known(
        tuple(dict.fromkeys(signing)),
        Redactor.of(definitions).also(*told),
        tuple(dict.fromkeys(forms)),
        definitions.egress,
        signs,
    )


def _path(request: Request) -> str:
    return target_of(request.address).partition("?")[0]
