"""The daemon and a token server that is certified: oidc-provider, of npm.

It needs node, and the package in a folder: `npm install --prefix FOLDER oidc-provider@9`, then
`WEBHOOKD_TEST_OIDC=FOLDER/node_modules`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon import until

SECRET = "s3cr%et+&=x:"
NODE = shutil.which("node")
MODULES = os.environ.get("WEBHOOKD_TEST_OIDC", "")

pytestmark = pytest.mark.skipif(
    NODE is None or not (Path(MODULES) / "oidc-provider").is_dir(),
    reason="NOT TRIED against oidc-provider: needs node, and WEBHOOKD_TEST_OIDC (see the module)",
)


@contextmanager
def provider():
    process = subprocess.Popen(
        [str(NODE), str(Path(__file__).with_name("provider.mjs"))],
        env={**os.environ, "OIDC_MODULES": str(Path(MODULES).absolute()), "CLIENT_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def hook(url, client_id, **client):
    authentication = {
        "type": "oauth2",
        "token_url": f"{url}/token",
        "client_id": client_id,
        "client_secret": {"env": "CLIENT"},
    }
    request = {"url": f"{url}/api", "allow_http": True, "authentication": authentication | client}
    return {"source": "export", "object": "contacts", "request": request}


def test_a_certified_server_takes_what_it_is_asked_with(daemon):
    daemon.environment["CLIENT"] = SECRET
    with provider() as url:
        webhooks = {
            "basic": hook(url, "erp:1 &"),
            "scoped": hook(url, "erp:1 &", scope="contacts.write"),
            "post": hook(url, "erp-post", client_authentication="post"),
            "resource": hook(
                url, "erp:1 &", scope="contacts.write", parameters={"resource": "urn:api"}
            ),
        }
        daemon.configure(webhooks)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.tally("delivered") == len(webhooks), "deliveries")
        assert {one["lifetime"] for one in daemon.named("token.received")} == {5.0}
        assert daemon.named("token.failed") == []


def test_tokens_of_five_seconds_are_renewed_before_they_end(daemon):
    daemon.environment["CLIENT"] = SECRET
    with provider() as url:
        daemon.configure({"basic": hook(url, "erp:1 &")})
        daemon.start()
        for number in range(1, 4):
            daemon.drop_rows(f"{number}.ndjson", {"id": number})
            until(lambda: daemon.tally("delivered") == number, "a delivery")  # noqa: B023
            if number < 3:
                threading.Event().wait(4.5)
        assert len(daemon.named("token.received")) == 3
        assert {one["status"] for one in daemon.named("delivery.attempted")} <= {204}
