"""What `test` shows of a request, whatever authorizes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.making import LOOPBACK, NOW, a_delivery, a_webhook, some_definitions
from webhookd.authentication.credentials import Authorization, Fixed
from webhookd.cli.shown_request import shown_authentication, shown_request
from webhookd.definitions import ApiKey, Basic, Bearer, OAuth2
from webhookd.delivery.prepared_webhook import prepare
from webhookd.model import Secret

WAYS = [
    None,
    ApiKey("X-Key", "header", Secret("a-secret-key")),
    Bearer(Secret("a-secret-token")),
    Basic(Secret("a-secret-name"), Secret("a-secret-password")),
    OAuth2("https://login.example.com/t", "erp", Secret("a-secret"), prefix="Token "),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: type(way).__name__)
def test_every_way_to_authenticate_can_be_shown(way):
    webhook = a_webhook()
    webhook = replace(webhook, request=replace(webhook.request, authentication=way))
    prepared = prepare(
        webhook, LOOPBACK, credentials_of=lambda one, *_: Fixed(shown_authentication(one))
    )
    authorization = Authorization((("authorization", "Token ***"),))
    delivery = a_delivery()
    request = prepared.template.fill(delivery, authorization, at=NOW)

    shown = shown_request(request, webhook, some_definitions(webhook), delivery, authorization, NOW)

    assert dict(shown.headers)["authorization"] == "Token ***"
