"""Canaries: a secret is planted in every place that takes one, and looked for everywhere."""

import base64
import json
import shlex
import signal
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.daemon import INTERPRETER, until
from tests.receiver import Answer, Receiver

CANARIES = {
    "CLIENT": 'canary-client "quoted"&<tag>/+=%',
    "KEY_HEADER": "canary-key-in-header/+==",
    "KEY_QUERY": "canary key&in=query/+%",
    "BEARER": "canary-bearer-'quoted'-token",
    "PASSWORD": "canary-password:with:colons",
}
FILED = "whsec_" + base64.b64encode(b"canary-of-a-secret-in-a-file").decode()


def forms(secret):
    """Return the ways in which a secret could be written down."""
    raw = secret.encode()
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        base64.b64encode(raw).decode(),
        base64.b64encode(f"user:{secret}".encode()).decode(),
        raw.hex(),
    }


def echoing(received):
    """Answer with everything that came, in many forms, as a badly made receiver does."""
    credentials = received.headers.get("authorization", "")
    parts = [received.target, repr(received.headers), credentials]
    for secret in (*CANARIES.values(), FILED):
        parts += sorted(forms(secret))
    return Answer(500, body=" | ".join(parts).encode())


def configuration(url):
    def hook(path, **request):
        return {
            "source": "export",
            "object": "contacts",
            "request": {"url": f"{url}{path}", "allow_http": True} | request,
            "delivery": {"retry": {"first_after": "100ms"}},
        }

    def key(name, location):
        return {"type": "api_key", "name": "key", "location": location, "key": {"env": name}}

    password = {"type": "basic", "username": "user", "password": {"env": "PASSWORD"}}
    return {
        "signed": hook("/v2", signature={"app_id": "1234567", "scheme": "hubspot_v2"}),
        "filed": hook("/sw", signature={"app_id": "filed", "scheme": "standard_webhooks"}),
        "header": hook("/h", authentication=key("KEY_HEADER", "header")),
        "query": hook("/q", authentication=key("KEY_QUERY", "query")),
        "bearer": hook("/b", authentication={"type": "bearer", "token": {"env": "BEARER"}}),
        "basic": hook("/p", authentication=password),
        "nowhere": hook("/q", authentication=key("KEY_QUERY", "query"), tls={})
        | {
            "request": {
                "url": "http://127.0.0.1:1/",
                "allow_http": True,
                "authentication": key("KEY_QUERY", "query"),
            }
        },
    }


def test_no_secret_is_ever_written_down(another):
    daemon = another("canaries", environment=CANARIES)
    (daemon.folder / "secret").write_text(FILED + "\n")
    apps = {
        "1234567": {"client_secret": {"env": "CLIENT"}},
        "filed": {"client_secret": {"file": "secret"}},
    }
    seen = {}
    with Receiver(echoing) as receiver:
        webhooks = configuration(receiver.url)
        daemon.configure(webhooks, apps=apps)
        daemon.command_line = INTERPRETER
        daemon.start("--log-level", "debug")
        command_line = Path(f"/proc/{daemon.process.pid}/cmdline").read_bytes().decode()
        seen["process list"] = command_line
        daemon.drop_rows("1.ndjson", {"id": 1, "note": "hello"})
        until(lambda: len(daemon.named("delivery.attempted")) > 3 * len(webhooks), "retries")
        daemon.config.write_text(daemon.config.read_text() + "\nnonsense: true\n")
        daemon.reload()
        for name in webhooks:
            daemon.configure(webhooks, apps=apps)
            tried = daemon.command("test", name, "--config", str(daemon.config), "--send")
            seen[f"test {name}"] = tried.stdout + tried.stderr
            assert "***" in tried.stdout or name in ("signed", "filed")
        # What it shows is in the database, which is searched below.
        arguments = ("show", daemon.deliveries()[0]["id"], "--state-directory", "state")
        for more in ((), ("--json",)):
            shown = daemon.command("deliveries", *arguments, *more)
            assert shown.returncode == 0, shown.stderr
            seen[f"show {more}"] = shown.stdout + shown.stderr
        for arguments in (("--help",), ("run", "--help"), ("check", "--config", "config.yaml")):
            done = daemon.command(*arguments)
            seen[" ".join(arguments)] = done.stdout + done.stderr
        daemon.config.write_text(daemon.config.read_text().replace("contacts", "companies"))
        broken = daemon.command("check", "--config", "config.yaml")
        seen["a failing check"] = broken.stdout + broken.stderr
        # An abort prints every stack: the last chance for a secret to get out.
        daemon.signal(signal.SIGABRT)
        daemon.wait()
        requests = "".join(f"{one.target}{one.headers}" for one in receiver.received)
    seen["log and stacks"] = daemon.log
    for file in daemon.state.rglob("*"):
        if file.is_file():
            seen[file.name] = file.read_bytes().decode("latin-1")
    for file in (daemon.folder / "crm").rglob("*.json"):
        seen[file.name] = file.read_text()

    assert CANARIES["BEARER"] in requests, "the canaries were never sent: this test shows nothing"
    assert '"***' in seen["log and stacks"] or "***" in "".join(seen.values())
    found = [
        (place, secret)
        for place, text in seen.items()
        for secret in (*CANARIES.values(), FILED)
        if any(form in text for form in (*forms(secret), shlex.quote(secret)))
    ]
    assert not found
