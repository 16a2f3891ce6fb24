"""A typo in a property is told wherever a webhook is looked at: status, check."""

import json

from tests.daemon import until

TYPO = "stagee: no known record has a property of this name; did you mean 'stage'?"


def hook(**changes):
    request = {"url": "http://127.0.0.1:9/", "allow_http": True}
    return {"source": "export", "object": "contacts", "request": request} | changes


def on(name):
    return {"when": [{"property": name, "operator": "HAS_PROPERTY"}]}


def test_status_and_check_tell_properties_that_no_known_record_has(daemon, ask):
    body = {"properties": ["email", {"property": "nmae", "as": "name"}]}
    wrong = hook(trigger=on("stagee")) | {"request": hook()["request"] | {"body": body}}
    off = hook(trigger=on("nowhere"), enabled=False)
    daemon.configure({"right": hook(trigger=on("stage")), "wrong": wrong, "off": off})
    daemon.start()
    unknown = (json.loads(ask("status", "--json").stdout), ask("check", "-c", "config.yaml"))
    rows = ({"id": number, "stage": "lead", "email": ""} for number in range(3))
    daemon.drop_rows("1.ndjson", *rows)
    until(lambda: daemon.named("file.taken"), "the file taken")
    found = json.loads(ask("status", "--json").stdout)["webhooks"]
    shown = ask("status").stdout
    checked = ask("check", "-c", "config.yaml")
    offline = ask("check", "-c", "config.yaml", "--offline")
    daemon.stop()
    stopped = ask("check", "-c", "config.yaml")

    notes = {one["webhook"]: one["notes"] for one in found}
    assert notes["right"] == notes["off"] == []
    assert notes["wrong"] == ["nmae: no known record has a property of this name", TYPO]
    # Wrapped where the terminal ends, as COLUMNS says.
    assert f"wrong: {TYPO}" in " ".join(shown.split())
    assert [one["notes"] for one in unknown[0]["webhooks"]] == [[], [], []]
    assert checked.returncode == 0
    warned = [line for line in checked.stderr.splitlines() if "no known record" in line]
    assert len(warned) == 2
    assert warned[1].startswith("warning: config.yaml:")
    assert ": webhooks.wrong.trigger.when[0].property: stagee: no known record" in warned[1]
    for quiet in (unknown[1], offline, stopped):
        assert (quiet.returncode, quiet.stderr) == (0, "")
