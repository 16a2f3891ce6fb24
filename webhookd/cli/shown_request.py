"""A request as it may be shown: what is sent, with `***` for secrets, whatever they are like.

What a redactor finds is a text that is long enough; here each place is known that a template or a
URL puts a secret in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.definitions import Bearer, OAuth2
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.signed_request import head_of
from webhookd.model import Secret
from webhookd.rules.literal_secrets import shown_url
from webhookd.rules.redaction import MARK

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.authentication.credentials import Authorization
    from webhookd.definitions import Authentication, Definitions, Webhook
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.model import Delivery


def shown_authentication(authentication: Authentication | None) -> Authentication | None:
    """Return *authentication* as it is shown: a token is asked for where something is sent."""
    if isinstance(authentication, OAuth2):
        return Bearer(Secret(MARK), authentication.prefix)
    return authentication


def shown_request(
    request: SignedRequest,
    webhook: Webhook,
    definitions: Definitions,
    delivery: Delivery,
    authorization: Authorization,
    at: datetime,
) -> SignedRequest:
    """Return *request*, that of *delivery*, with `***` where templates or the URL hold secrets.

    Its signatures are those of what is sent.
    """
    form = webhook.request
    hidden = {name: Secret(MARK) for name in definitions.named_secrets}
    url = shown_url(form.url) if isinstance(form.url, Secret) else form.url
    bare = replace(form, url=url, authentication=None, signature=None, more_signatures=())
    masked = replace(webhook, request=bare)
    template = prepare(masked, definitions.egress, secrets=hidden).template
    alike = template.fill(delivery, authorization, at=at)
    live = {} if form.live is None else form.live.headers
    values = dict(alike.headers)
    headers = [(name, values[name] if name in live else value) for name, value in request.headers]
    head, lines = head_of(request.method, alike.target, headers)
    return replace(
        request, target=alike.target, uri=alike.uri, head=head, lines=lines, body=alike.body
    )
