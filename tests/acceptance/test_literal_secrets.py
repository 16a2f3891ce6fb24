"""Secrets that stand literally in URLs and headers are warned of, and shown nowhere."""

import json

from tests.daemon import INTERPRETER

CANARY = "c4n4ryQz81XkPv0LmR7wTt2Y"
SHOWN = "https://hooks.slack.com/services/T0A1B2C3/***"


def a_hook(secret, key):
    return {
        "source": "export",
        "object": "contacts",
        "request": {
            "url": f"https://hooks.slack.com/services/T0A1B2C3/B0Z9Y8X7/{secret}",
            "headers": {"X-Api-Key": key, "X-Tenant": "acme"},
        },
    }


def test_they_are_shown_nowhere_and_a_changed_one_is_told_as_changed(another):
    daemon = another("literal-secrets")
    daemon.environment["WEBHOOKD_ADMIN_ADDRESS"] = "unix:state/admin.sock"
    daemon.configure({"chat": a_hook(CANARY, f"key-{CANARY}")})
    daemon.command_line = INTERPRETER
    daemon.start("--log-level", "debug")
    arguments = ("--config", "config.yaml")
    ways = {
        "check": ("check", *arguments),
        "test": ("test", "chat", *arguments),
        "status": ("status", "--json"),
        "status text": ("status",),
        "plan": ("plan", *arguments),
        "plan --replay": ("plan", *arguments, "--replay", "7d", "--json"),
    }
    seen = {}
    for name, words in ways.items():
        done = daemon.command(*words)
        assert done.returncode == 0, (name, done.stderr)
        seen[name] = done.stdout + done.stderr
    (daemon.folder / "status.json").write_text(seen["status"])
    daemon.configure({"chat": a_hook("other" + CANARY, f"key-{CANARY}")})
    for name, words in {
        "plan of another secret": ("plan", *arguments),
        "plan --json of another secret": ("plan", *arguments, "--json"),
        "plan of another secret, saved": ("plan", *arguments, "--status", "status.json"),
    }.items():
        done = daemon.command(*words)
        assert done.returncode == 10, (name, done.stdout, done.stderr)
        assert "request.url" in done.stdout
        assert "request.headers" not in done.stdout
        seen[name] = done.stdout + done.stderr
    daemon.reload()
    daemon.stop()
    seen["log"] = daemon.log

    assert [place for place, text in seen.items() if CANARY in text] == []
    request = json.loads(seen["status"])["document"]["webhooks"]["chat"]["request"]
    assert request["url"] == SHOWN
    assert request["headers"] == {"X-Api-Key": "***", "X-Tenant": "acme"}
    assert seen["check"].count("warning: ") == 2
    assert SHOWN in seen["plan --replay"]
