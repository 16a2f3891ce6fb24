"""The request of a delivery as it would be made now, and may be shown: `***` for every secret.

Each place is known that a secret goes to: what a template or a URL asks for, what authorizes, what
signs. The redactor looks through the rest, for a record may hold a secret as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.authentication.credentials import Authorization
from webhookd.definitions import ApiKey, Basic, Bearer, OAuth2
from webhookd.delivery.curl import curl_line
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.signed_request import head_of
from webhookd.model import ChangeKind, Delivery, Rendered, Secret
from webhookd.rules.literal_secrets import shown_header, shown_url
from webhookd.rules.redaction import MARK
from webhookd.rules.signers import signer
from webhookd.storage.schema import template_columns
from webhookd.views.deliveries import RequestView

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import Authentication, Definitions, Webhook
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.rules.redaction import Redactor
    from webhookd.storage.deliveries.query import ShownDelivery
    from webhookd.transport import SendOptions

COMPUTED: Final = "(computed when sent)"


def request_view(
    shown: ShownDelivery,
    webhook: Webhook,
    definitions: Definitions,
    redactor: Redactor,
    at: datetime,
) -> RequestView:
    """Return the request of *shown* as *webhook* of *definitions* would make it *at* a time.

    Raises an UnfilledError where a template asks for what is no more.
    """
    return view_of(_stored(shown, at), webhook, definitions, redactor, at)


def view_of(
    delivery: Delivery,
    webhook: Webhook,
    definitions: Definitions,
    redactor: Redactor,
    at: datetime,
) -> RequestView:
    """Return the request of a *delivery*, whose secrets are marks already, likewise."""
    request, options = _masked(delivery, webhook, definitions, at)
    content = request.body if delivery.rendered.body is not None else None
    return RequestView(
        method=request.method,
        url=redactor.text(request.uri),
        headers=tuple((name, redactor.text(value)) for name, value in request.headers),
        body=None if content is None else redactor.text(content.decode(errors="replace")),
        curl=curl_line(request, options, None, redactor),
        as_of=at,
    )


def _masked(
    delivery: Delivery, webhook: Webhook, definitions: Definitions, at: datetime
) -> tuple[SignedRequest, SendOptions]:
    """Return a request with marks for secrets, and how it would be sent."""
    form = webhook.request
    url = shown_url(form.url) if isinstance(form.url, Secret) else form.url
    bare = replace(form, url=url, authentication=None)
    hidden = {name: Secret(MARK) for name in definitions.named_secrets}
    prepared = prepare(replace(webhook, request=bare), definitions.egress, secrets=hidden)
    filled = prepared.template.fill(delivery, _marks(form.authentication), at=at)
    computed = {"webhook-timestamp"}
    for signature in form.signatures:
        lines = signer(signature)(filled.method, filled.uri)(b"", delivery.id, "0", "0")
        computed |= {line.partition(": ")[0].lower() for line in lines}
    headers = [
        (name, COMPUTED if name.lower() in computed else _shown(name, value))
        for name, value in filled.headers
    ]
    uri = shown_url(filled.uri)
    head, lines_ = head_of(filled.method, filled.target, headers)
    return replace(filled, uri=uri, head=head, lines=lines_), prepared.options


def _shown(name: str, value: str) -> str:
    # What has its mark keeps what stands before it.
    return value if value.endswith(MARK) else shown_header(name, value)


def _marks(authentication: Authentication | None) -> Authorization:
    """Return what authorizes a request, with a mark in place of what is secret."""
    match authentication:
        case ApiKey(name=name, location="query"):
            return Authorization(query=(name, MARK))
        case ApiKey(name=name):
            return Authorization(((name, MARK),))
        case Bearer(prefix=prefix) | OAuth2(prefix=prefix):
            return Authorization((("authorization", f"{prefix}{MARK}"),))
        case Basic():
            return Authorization((("authorization", f"Basic {MARK}"),))
        case None:
            return Authorization()


def _stored(shown: ShownDelivery, at: datetime) -> Delivery:
    """Return a delivery as it is attempted; its body has marks for secrets already."""
    listed = shown.listed
    rendered = Rendered(
        shown.method,
        shown.body,
        shown.content_type,
        shown.query,
        values=template_columns.values_of(shown.url_values),
    )
    return Delivery(
        id=listed.id,
        webhook=listed.webhook,
        source=listed.source,
        object=listed.object,
        record_id=listed.record_id,
        change=ChangeKind(listed.change),
        rendered=rendered,
        created_at=listed.created_at,
        due_at=at,
    )
