"""Secrets of a few characters are warned of, and hidden where one is a whole value, only there."""

import json
import re
import signal
from urllib.parse import quote

import httpx
import pytest

from tests.daemon import INTERPRETER, until
from tests.receiver import Answer, Receiver

SECRETS = {
    "CLIENT": "s",
    "KEY": "1",
    "BEARER": "info",
    "PASSWORD": "2026",
    "QUOTE": '"',
    "BACKSLASH": "\\",
    "PICTURE": "🔑",
}


def echoing(received):
    """Answer with the headers and the query that came, as JSON, in a text that is no secret."""
    told = {"said": "as is: 1 info of 2026", "ok": "yes", "headers": dict(received.headers)}
    return Answer(500, body=json.dumps(told | {"url": f"https://x{received.target}"}).encode())


def hooks(url):
    def hook(**request):
        return {
            "source": "export",
            "object": "contacts",
            "request": {"url": url, "allow_http": True} | request,
            "delivery": {"retry": {"first_after": "1h"}},
        }

    def key(name, location="header"):
        return {"type": "api_key", "name": "x-key", "location": location, "key": {"env": name}}

    return {
        "signed": hook(signature={"app_id": "1234567", "scheme": "hubspot_v2"}),
        "info": hook(authentication=key("KEY")),
        "quoted": hook(authentication=key("QUOTE")),
        "slashed": hook(authentication=key("BACKSLASH")),
        "pictured": hook(authentication=key("PICTURE", "query")),
        "bearing": hook(authentication={"type": "bearer", "token": {"env": "BEARER"}}),
        "named": hook(
            authentication={"type": "basic", "username": "u", "password": {"env": "PASSWORD"}}
        ),
    }


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_short_secrets_are_hidden_as_whole_values_and_nowhere_else(another, log_format):
    daemon = another("short-secrets", environment=SECRETS)
    daemon.command_line = INTERPRETER
    apps = {"1234567": {"client_secret": {"env": "CLIENT"}}}
    with Receiver(echoing) as receiver:
        names = hooks(receiver.url)
        daemon.configure(names, apps=apps)
        checked = daemon.command("check", "--config", "config.yaml")
        daemon.start("--log-format", log_format, is_awaited=False)
        until(lambda: "daemon.ready" in daemon.log, "ready")
        daemon.drop_rows("1.ndjson", {"id": 1, "note": "is so"})
        until(lambda: len(receiver.received) == len(names), "attempts")
        attempted = "delivery.attempted" if log_format == "json" else "  created  #1"
        until(lambda: daemon.log.count(attempted) == len(names), "lines")
        shown = {
            one["webhook"]: json.loads(
                daemon.command(
                    *("deliveries", "show", one["id"], "--state-directory", "state", "--json")
                ).stdout
            )
            for one in daemon.deliveries()
        }
        tried = {
            name: daemon.command("test", name, "--config", "config.yaml").stdout for name in names
        }
        daemon.stop()

    warned = re.findall(r"^warning: (\S+?):\d+:\d+: (\S+): (.*)$", checked.stderr, re.MULTILINE)
    assert sorted(where for _, where, _ in warned) == [
        "apps.1234567.client_secret",
        "webhooks.bearing.request.authentication.token",
        "webhooks.info.request.authentication.key",
        "webhooks.named.request.authentication.password",
        "webhooks.pictured.request.authentication.key",
        "webhooks.quoted.request.authentication.key",
        "webhooks.slashed.request.authentication.key",
    ]
    assert all("fewer than 8 characters" in message for _, _, message in warned)

    answers = {name: json.loads(one["attempt_log"][0]["answer"]) for name, one in shown.items()}
    for name, answer in answers.items():
        assert answer["said"] == "as is: 1 info of 2026"
        assert answer["ok"] == "yes"
        assert answer["headers"]["host"] == receiver.url.split("/")[2]
        assert shown[name]["id"] == answer["headers"].get("webhook-id", shown[name]["id"])
    assert answers["signed"]["headers"]["x-hubspot-signature-version"] == "v2"
    for name in ("info", "quoted", "slashed"):
        assert answers[name]["headers"]["x-key"] == "***"
        assert "x-key: ***" in tried[name]
    assert answers["bearing"]["headers"]["authorization"] == "Bearer ***"
    assert "authorization: Bearer ***" in tried["bearing"].lower().replace("bearer", "Bearer")
    assert answers["named"]["headers"]["authorization"] == "Basic ***"
    assert answers["pictured"]["url"] == "https://x/?x-key=***"
    assert "?x-key=***" in tried["pictured"]
    assert quote(SECRETS["PICTURE"]) not in "".join([*tried.values(), daemon.log])
    for text in ("info", attempted, *names, *(one["id"][-6:] for one in shown.values())):
        assert text in daemon.log


def test_listen_masks_every_header_and_parameter_that_is_named_like_a_secret(daemon):
    listening = daemon.begin("listen", "--port", "0")
    url = re.search(r"http://127\.0\.0\.1:\d+/", listening.stdout.readline())[0]
    secret = {
        "Authorization": "Bearer canary",
        "Proxy-Authorization": "Basic canary",
        "X-Api-Key": "canary",
        "Api_Key": "canary",
        "X-Auth-Token": "canary",
        "Cookie": "session=canary",
        "X-Gitlab-Token": "canary",
        "X-Whatever": "Bearer canary-canary",
    }
    plain = {"X-Tenant": "acme", "Idempotency-Key": "12", "X-HubSpot-Signature": "ab12"}
    httpx.post(url + "in?a=b&api_key=canary&sig=canary&b=c", headers=secret | plain)
    listening.send_signal(signal.SIGINT)
    printed, _ = listening.communicate(timeout=20)

    assert "canary" not in printed
    assert "in?a=b&api_key=***&sig=***&b=c" in printed
    for name in secret:
        assert re.search(rf"(?i)^ +{name}: (\w+ )?\*\*\*$", printed, re.MULTILINE), name
    for name, value in plain.items():
        assert f"{name}: {value}".lower() in printed.lower()
