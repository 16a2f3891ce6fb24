"""Signatures: the scheme goes with the request and with the app's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import payloads
from webhookd.rules import signing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem
    from webhookd.model import Secret


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with how *webhook* is signed."""
    request = webhook.at("request")
    signature = request.at("signature")
    scheme = signature.text("scheme")
    if scheme == "hubspot_v1" and payloads.has_body(request) is False:
        message = "hubspot_v1 covers only a body, and this request has none; use hubspot_v2"
        yield signature.problem(message, "scheme")
    app = context.apps.get(signature.text("app_id") or "")
    if scheme == "standard_webhooks" and app is not None:
        for node in (app.at("client_secret"), *app.items("previous_client_secrets")):
            secret = context.secret(node)
            if secret and not _is_standard(secret):
                yield signature.problem(_wrong_form(app, node), "scheme")


def _is_standard(secret: Secret) -> bool:
    try:
        signing.standard_webhooks_key(secret.reveal())
    except ValueError:
        return False
    return True


def _wrong_form(app: Node, node: Node) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else step for step in node.steps[2:])
    return (
        f"standard_webhooks needs secrets of the form whsec_ + base64 of 24 to 64 bytes; "
        f"{where} of the app {app.name!r} is not"
    )
