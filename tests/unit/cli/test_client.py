"""Finding the daemon: whatever the environment holds, commands say that none answers."""

from __future__ import annotations

import pytest

from tests.receiver import Answer, Receiver
from webhookd.cli import client
from webhookd.client.client_errors import LostError, NoDaemonError


@pytest.mark.parametrize(
    "environment",
    [
        {"WEBHOOKD_ADMIN_ADDRESS": f"unix:/there/is/none/{'a' * 120}/admin.sock"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "WEBHOOKD_ADMIN_TOKEN": "caf\u00e9"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "WEBHOOKD_ADMIN_TOKEN": "a\udcff"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "SSL_CERT_FILE": "/there/is/none"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "SSL_CERT_DIR": "/there/is/none"},
        {"WEBHOOKD_ADMIN_ADDRESS": "127.0.0.1:1", "HTTP_PROXY": "nonsense://"},
    ],
)
def test_no_environment_breaks_the_search_for_a_daemon(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(NoDaemonError, match="is it running"):
        client.connect(None)


def test_an_answer_that_is_nested_absurdly_deep_is_no_webhookds(monkeypatch):
    with Receiver(lambda _: Answer(200, body=b"[" * 100_000)) as receiver:
        monkeypatch.setenv("WEBHOOKD_ADMIN_ADDRESS", receiver.url.removeprefix("http://"))
        daemon = client.connect(None)

        with pytest.raises(NoDaemonError, match="is no webhookd"):
            daemon.get("/v1/status")
        with pytest.raises(LostError):
            list(daemon.stream("/v1/webhooks/w/backfill"))
