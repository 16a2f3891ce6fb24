"""OAuth2 tokens with the installed command: canaries, `test`, reloads, restarts, `status`."""

from __future__ import annotations

import base64
import json
import signal
from urllib.parse import quote, quote_plus

from tests.daemon import until
from tests.receiver import Answer, Receiver
from tests.token_server import TokenServer, granting, saying

SECRET = "canary-s3cr%et+&=x:/of-the-client"
TOKEN = "canary-token/with+every=form~of.it"
CLIENT_ID = "canary-client-id by reference"
RETRY = {"first_after": "300ms", "factor": 1}


def forms(secret):
    """Return the ways in which a secret could be written down."""
    raw = secret.encode()
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        base64.b64encode(raw).decode(),
        raw.hex(),
    }


PAIR = base64.b64encode(f"{quote_plus(CLIENT_ID)}:{quote_plus(SECRET)}".encode()).decode()


def hook(receiver, server, *, retry=None, **client):
    authentication = {
        "type": "oauth2",
        "token_url": server.token_url,
        "client_id": {"env": "CLIENT_ID"},
        "client_secret": {"file": "secret"},
    }
    request = {
        "url": f"{receiver.url}/hook",
        "allow_http": True,
        "authentication": authentication | client,
    }
    return {
        "source": "export",
        "object": "contacts",
        "request": request,
        "delivery": {"retry": retry or RETRY},
    }


def echoing(received):
    said = [received.headers.get("authorization", ""), received.body.decode("latin-1")]
    for secret in (SECRET, TOKEN, CLIENT_ID):
        said += sorted(forms(secret))
    return " | ".join([*said, PAIR])


def test_neither_token_nor_secret_is_ever_written_down(another):
    daemon = another("canaries", environment={"CLIENT_ID": CLIENT_ID})
    (daemon.folder / "secret").write_text(SECRET + "\n")
    seen = {}

    def script(number):
        received = server.received[-1]
        if number % 2:
            told = {"error": "invalid_client", "error_description": echoing(received)[:180]}
            return saying(told | {"hint": echoing(received)}, 401)
        return granting(TOKEN)

    with Receiver(lambda one: Answer(401, body=echoing(one).encode())) as receiver:
        with TokenServer(script) as server:
            webhooks = {
                "basic": hook(receiver, server),
                "post": hook(receiver, server, client_authentication="post"),
            }
            daemon.configure(webhooks)
            daemon.start("--log-level", "debug")
            daemon.drop_rows("1.ndjson", {"id": 1, "note": "hello"})
            until(lambda: len(receiver.received) > 3, "attempts with a token")
            address = f"unix:{daemon.state}/admin.sock"
            for words in (
                ("test", "basic", "--config", "config.yaml"),
                ("test", "basic", "--config", "config.yaml", "--send"),
                ("test", "post", "--config", "config.yaml", "--send"),
                ("status", "--json", "--admin-address", address),
                ("plan", "--config", "config.yaml", "--admin-address", address),
                ("check", "--config", "config.yaml"),
                ("deliveries", "show", daemon.deliveries()[0]["id"], "--state-directory", "state"),
                ("explain", daemon.deliveries()[0]["id"], "--state-directory", "state"),
            ):
                done = daemon.command(*words)
                assert "Traceback" not in done.stderr
                seen[" ".join(words)] = done.stdout + done.stderr
            requests = "".join(f"{one.headers}{one.body}" for one in server.received)
        daemon.signal(signal.SIGABRT)
        daemon.wait()
    seen["log and stacks"] = daemon.log
    for file in daemon.state.rglob("*"):
        if file.is_file():
            seen[file.name] = file.read_bytes().decode("latin-1")

    assert PAIR in requests, "the canaries were never sent: this test shows nothing"
    assert quote_plus(SECRET) in requests
    assert f"Bearer {TOKEN}" in {one.headers.get("authorization") for one in receiver.received}
    assert "***" in seen["log and stacks"]
    found = [
        (place, form)
        for place, text in seen.items()
        for form in (*forms(SECRET), *forms(TOKEN), *forms(CLIENT_ID), PAIR)
        if form in text
    ]
    assert not found


def test_test_shows_the_header_and_asks_for_a_token_only_to_send(daemon):
    (daemon.folder / "secret").write_text(SECRET)
    daemon.environment["CLIENT_ID"] = CLIENT_ID
    words = ("test", "erp", "--config", "config.yaml")
    with Receiver() as receiver, TokenServer() as server:
        daemon.configure({"erp": hook(receiver, server)})

        shown = daemon.command(*words)
        assert "authorization: Bearer ***\n" in shown.stdout
        assert (shown.returncode, server.received, receiver.received) == (0, [], [])

        sent = daemon.command(*words, "--send")
        assert sent.returncode == 0, sent.stderr
        assert "answered 200" in sent.stdout
        (received,) = receiver.received
        assert received.headers["authorization"] == "Bearer token-1-of-the-server"

        server.script = lambda _: saying({"error": "invalid_client"}, 401)
        refused = daemon.command(*words, "--send")
        assert refused.returncode == 1
        assert "token: no token from 127.0.0.1" in refused.stderr
        assert "invalid_client" in refused.stderr
        assert len(receiver.received) == 1


def test_a_corrected_secret_delivers_what_waits(daemon, ask):
    secret = daemon.folder / "secret"
    secret.write_text("wrong-secret")
    daemon.environment["CLIENT_ID"] = "erp"

    def script(_):
        is_right = (
            base64.b64decode(server.received[-1].headers["authorization"][6:]) == b"erp:right"
        )
        return granting("one") if is_right else saying({"error": "invalid_client"}, 401)

    with Receiver() as receiver, TokenServer(script) as server:
        daemon.configure({"erp": hook(receiver, server, retry={"first_after": "1h"})})
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": number} for number in range(20)))
        until(lambda: len(daemon.named("delivery.attempted")) == 20, "attempts without a token")
        failed = daemon.named("token.failed")[0]
        assert (failed["level"], failed["reason"]) == ("error", "refused")
        assert "check 'client_id' and 'client_secret'" in failed["error"]
        assert "invalid_client" in ask("status").stdout.replace("\n", " ")
        assert receiver.received == []

        secret.write_text("right")
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: daemon.tally("delivered") == 20, "what waited")
        assert len(daemon.named("token.received")) == 1
        metrics = ask("status", "--json")
        assert json.loads(metrics.stdout)["webhooks"][0]["state"] == "active"


def test_a_corrected_secret_counts_after_a_restart_too(daemon):
    secret = daemon.folder / "secret"
    secret.write_text("wrong-secret")
    daemon.environment["CLIENT_ID"] = "erp"
    with Receiver() as receiver, TokenServer(lambda _: Answer(400)) as server:
        daemon.configure({"erp": hook(receiver, server, retry={"first_after": "1h"})})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.named("delivery.attempted"), "an attempt without a token")
        daemon.stop()
        secret.write_text("right-secret")
        server.script = lambda _: granting("one")
        daemon.start()
        until(lambda: daemon.tally("delivered") == 1, "what waited")


def test_restarts_do_not_ask_without_end(daemon, ask):
    (daemon.folder / "secret").write_text(SECRET)
    daemon.environment["CLIENT_ID"] = "erp"

    def has_asked(most):
        return lambda: len(server.received) >= most or daemon.named("token.failed")

    with Receiver(lambda _: Answer(401)) as receiver, TokenServer() as server:
        daemon.configure({"erp": hook(receiver, server, retry={"first_after": "100ms"})})
        for number in range(1, 5):
            daemon.start()
            # Each token is refused at its first use, so that another one is asked for.
            rows = ({"id": f"{number}-{one}"} for one in range(5))
            daemon.drop_rows(f"{number}.ndjson", *rows)
            until(has_asked(3 * number), "three more tokens")
            if number < 4:
                (daemon.kill if number % 2 else daemon.stop)()
        until(lambda: daemon.named("token.failed"), "no token any more")
        until(lambda: "is not asked again before" in ask("status", "--json").stdout, "until when")

        assert "limited" in {one["reason"] for one in daemon.named("token.failed")}
        # A request is counted before it is made: one that a kill cut off counts as well.
        assert 8 <= len(server.received) <= 10
