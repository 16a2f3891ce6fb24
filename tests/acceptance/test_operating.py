"""The running daemon, asked through its admin API: by the command line, and by strangers."""

import json
import re
import socket
import urllib.error
import urllib.request
from contextlib import closing

import httpx
import trustme

from tests.daemon import until
from tests.receiver import Answer, Receiver

TOKEN = "canary-admin-token"


def hook(url, **changes):
    request = {"url": url, "allow_http": True}
    return {"source": "export", "object": "contacts", "request": request} | changes


def test_without_a_daemon_commands_say_so_and_end_with_3(daemon, ask):
    for command in (("status",), ("reload",), ("pause", "mirror")):
        done = ask(*command)
        assert done.returncode == 3
        assert "no daemon answers" in done.stderr


def test_status_tells_how_everything_stands(daemon, ask):
    with Receiver(lambda _: Answer(500)) as receiver:
        daemon.configure({"mirror": hook(receiver.url), "off": hook("https://127.0.0.1:9/")})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        shown = ask("status")
        found = json.loads(ask("status", "--json").stdout)
        daemon.stop()

    assert "mirror" in shown.stdout
    assert "the receiver answered 500" in shown.stdout
    (mirror,) = (one for one in found["webhooks"] if one["webhook"] == "mirror")
    assert (mirror["pending"], mirror["state"], mirror["is_failing"]) == (1, "failing", True)
    assert (mirror["method"], mirror["url"]) == ("POST", receiver.url)
    assert f"POST {receiver.url}" in shown.stdout
    assert found["config_hash"] == daemon.named("config.loaded")[0]["config_hash"]
    assert found["sources"][0]["records"] == 1


def test_status_counts_the_files_of_a_drop_directory(daemon, ask):
    """The folders are the truth: each look counts them anew, a failed file's report aside."""
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        root = daemon.folder / "crm"
        (root / "new" / "2.csv.filepart").write_text("id\n2\n")
        (root / "new" / ".3.csv.x7Yz").write_text("id\n3\n")
        daemon.drop_rows("4.ndjson", {"id": None})
        until(lambda: daemon.named("file.failed"), "the bad file")
        until(lambda: daemon.named("file.taken"), "the good file")
        shown, (found,) = (
            ask("status").stdout,
            json.loads(ask("status", "--json").stdout)["sources"],
        )
        of_state = ("--state-directory", str(daemon.state))
        listed = json.loads(daemon.command("sources", "list", "--json", *of_state).stdout)
        (root / "new" / "2.csv.filepart").unlink()
        (after,) = json.loads(ask("status", "--json").stdout)["sources"]
        daemon.stop()

    counts = ("files_waiting", "files_failed", "files_ignored")
    assert [found[name] for name in counts] == [0, 1, 1]
    assert [listed[name] for name in counts] == [0, 1, 1]
    assert [after[name] for name in counts] == [0, 1, 0]
    assert "1 failed, 1 ignored" in shown


def test_status_tells_a_drop_directorys_last_file_and_error_after_a_restart_too(daemon, ask):
    told = ("last_file", "last_file_at", "last_error", "last_error_at")
    daemon.configure({})
    daemon.start()
    before = json.loads(ask("status", "--json").stdout)["sources"][0]
    daemon.drop_rows("1.ndjson", {"id": 1})
    daemon.drop_rows("2.ndjson", {"id": None})
    until(lambda: daemon.named("file.failed"), "the bad file")
    daemon.drop_rows("3.ndjson", {"id": 3})
    until(lambda: len(daemon.named("file.taken")) == 2, "the good files")
    until(lambda: daemon.look("SELECT count(*) FROM files") == 0, "all put away")
    running = json.loads(ask("status", "--json").stdout)["sources"][0]
    daemon.stop()
    listed = json.loads(
        daemon.command("sources", "list", "--json", "--state-directory", str(daemon.state)).stdout
    )
    daemon.start()
    after = json.loads(ask("status", "--json").stdout)["sources"][0]
    shown = ask("status").stdout
    daemon.stop()

    assert [before[name] for name in told] == [None] * 4
    assert (after["last_file"], after["last_error"]) == (
        "3.ndjson",
        "2.ndjson: 1 of 1 row is bad; all others were taken",
    )
    assert after["last_error_at"] < after["last_file_at"]
    for one in (listed, after):
        assert [one[name] for name in told] == [running[name] for name in told]
    assert re.search(r"last file \S+ ago: 3\.ndjson", shown)
    assert re.search(r"last error \S+ ago: 2\.ndjson: 1 of 1 row is bad", shown)
    assert (after["is_disk_low"], after["disk_free_bytes"] > 0) == (False, True)


def test_a_webhook_where_nobody_is_shows_as_probed_until_somebody_answers(daemon, ask):
    """Its receiver was down, and comes back on the same port."""
    with Receiver() as gone:
        pass
    retry = {"first_after": "1s", "factor": 1, "jitter": 0}
    daemon.configure({"mirror": hook(gone.url, delivery={"concurrency": 4, "retry": retry})})
    daemon.start()
    daemon.drop_rows("1.ndjson", *({"id": number} for number in range(60)))
    until(lambda: daemon.named("webhook.probed"), "the probing")
    table, found = ask("status").stdout, json.loads(ask("status", "--json").stdout)
    metrics = _metrics(daemon)
    back = Receiver()
    back.port = gone.port
    with back:
        until(lambda: len({one.id for one in back.received}) == 60, "all of them")
        until(lambda: daemon.named("webhook.probing_ended"), "its end")
        after = json.loads(ask("status", "--json").stdout)["webhooks"][0]
        daemon.stop()

    (mirror,) = found["webhooks"]
    assert (mirror["state"], mirror["probed_since"] is not None) == ("probed", True)
    assert (
        "the last 20 attempts got no answer; the latest: refused: "
        in daemon.named("webhook.probed")[0]["reason"]
    )
    assert "attempts got no answer" in table
    assert 'webhookd_webhook_probed{webhook="mirror"} 1.0' in metrics
    assert daemon.named("webhook.probing_ended")[0]["reason"] == "the receiver answered 200"
    assert (after["state"], after["probed_since"], after["probed_reason"]) == ("active", None, None)


def test_a_superseded_delivery_tells_what_took_its_place(daemon, ask):
    status = {"code": 500}
    with Receiver(lambda _: Answer(status["code"])) as receiver:
        delivery = {"order": "record", "coalesce": True, "retry": {"first_after": "1h"}}
        daemon.configure({"mirror": hook(receiver.url, delivery=delivery)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1, "value": "old"})
        until(lambda: daemon.tally("pending"), "the first")
        until(lambda: daemon.look("SELECT attempts FROM deliveries") == 1, "its attempt")
        daemon.drop_rows("2.ndjson", {"id": 1, "value": "new"})
        until(lambda: daemon.tally("superseded"), "it superseded")
        newer, older = daemon.deliveries()
        stories = [daemon.command("explain", one["id"], *at(daemon)) for one in (older, newer)]
        shown = [
            daemon.command("deliveries", "show", one["id"], *at(daemon)) for one in (older, newer)
        ]
        refused = ask("deliveries", "retry", older["id"])
        metrics = _metrics(daemon)
        daemon.configure({"mirror": hook(receiver.url, delivery=delivery | {"coalesce": False})})
        plan = ask("plan", "--config", str(daemon.config))
        status["code"] = 200
        ask("deliveries", "retry", newer["id"])
        until(lambda: len(receiver.received) == 2, "the newer one")
        daemon.stop()

    assert (older["superseded_by"], newer["superseded_by"]) == (newer["id"], None)
    assert (newer["change"], newer["attempts"]) == ("created", 1)
    assert older["next_attempt_at"] is None
    assert newer["next_attempt_at"] > newer["created_at"]
    assert f"delivery {newer['id']} took its place" in stories[0].stdout
    assert "took the place of older changes, for which 1 attempt was made" in stories[1].stdout
    assert f"superseded by {newer['id']}" in " ".join(shown[0].stdout.split())
    assert "1 for older changes, whose place it took" in " ".join(shown[1].stdout.split())
    assert (refused.returncode, "--out-of-order" in refused.stderr) == (1, True)
    assert 'webhookd_deliveries_superseded_total{webhook="mirror"} 1.0' in metrics
    assert "delivery.coalesce" in plan.stdout
    assert "1 waiting: keep their places" in plan.stdout
    assert json.loads(receiver.received[1].body)["properties"]["value"] == "new"


def test_reload_waits_for_the_result_and_its_exit_code_tells_it(daemon, ask):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        unchanged = ask("reload")
        daemon.configure({"mirror": hook(receiver.url), "second": hook(receiver.url)})
        good = ask("reload")
        daemon.config.write_text(daemon.config.read_text() + "\nnonsense: 1\n")
        bad = ask("reload")
        status = json.loads(ask("status", "--json").stdout)
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: len(receiver.received) == 2, "two requests by the good one")
        daemon.stop()

    assert (unchanged.returncode, unchanged.stdout[:9]) == (0, "unchanged")
    assert (good.returncode, good.stdout[:8]) == (0, "reloaded")
    assert bad.returncode == 1
    assert "nonsense: unknown key" in bad.stderr
    assert status["last_reload"]["outcome"] == "rejected"


def test_mass_removal_is_let_through_when_it_is_meant(daemon, ask):
    with Receiver() as receiver:
        daemon.configure({f"w{number}": hook(receiver.url) for number in range(12)})
        daemon.start()
        daemon.configure({"w1": hook(receiver.url)})
        refused = ask("reload")
        meant = ask("reload", "--allow-mass-removal")
        daemon.stop()

    assert (refused.returncode, meant.returncode) == (1, 0)


def test_a_paused_webhook_stores_and_sends_when_it_is_resumed(daemon, ask):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        assert ask("pause", "mirror", "--reason", "maintenance").returncode == 0
        daemon.drop_rows("1.ndjson", {"id": 1}, {"id": 2})
        until(lambda: daemon.named("file.taken"), "the file taken")
        held = daemon.deliveries("--state", "held")
        nothing = list(receiver.received)
        daemon.stop()
        daemon.start()
        still_held = daemon.deliveries("--state", "held")
        assert ask("resume", "mirror").returncode == 0
        until(lambda: len(receiver.received) == 2, "what was held")
        unknown = ask("pause", "nope")
        daemon.stop()

    assert len(held) == len(still_held) == 2
    assert not nothing
    assert (unknown.returncode, "no webhook 'nope'" in unknown.stderr) == (1, True)


def test_deliveries_are_retried_and_cancelled_by_hand(daemon, ask):
    status = {"code": 400}
    with Receiver(lambda _: Answer(status["code"])) as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": number} for number in range(5)))
        until(lambda: len(daemon.named("delivery.attempted")) == 5, "five attempts")
        until(lambda: daemon.tally("failed") == 5, "five failed")
        status["code"] = 200
        dry = ask("deliveries", "retry", "--webhook", "mirror", "--dry-run")
        refused = ask("deliveries", "retry", "--webhook", "mirror", told="n\n")
        done = ask("deliveries", "retry", "--webhook", "mirror", "--record", "3", "--yes")
        until(lambda: len(receiver.received) == 6, "the retried one")
        rest = ask("deliveries", "retry", "--webhook", "mirror", "--yes")
        until(lambda: len(receiver.received) == 10, "the rest")
        status["code"] = 500
        daemon.drop_rows("2.ndjson", {"id": 99})
        until(lambda: len(receiver.received) == 11, "one that waits")
        until(lambda: daemon.tally("pending"), "it waits")
        cancelled = ask("deliveries", "cancel", "--record", "99")
        daemon.stop()

    assert "5 deliveries would be retried" in dry.stdout
    assert refused.returncode == 1
    assert "1 delivery retried" in done.stdout
    assert "4 deliveries retried" in rest.stdout
    assert "1 delivery cancelled" in cancelled.stdout
    listed = daemon.deliveries()
    assert sorted(one["state"] for one in listed) == ["cancelled"] + ["delivered"] * 5
    assert {one["attempts"] for one in listed if one["state"] == "delivered"} == {2}


def test_explain_tells_the_whole_story(daemon, ask):
    with Receiver(lambda _: Answer(503, body=b"down for maintenance")) as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        (delivery,) = until(daemon.deliveries, "the delivery")
        done = daemon.command("explain", delivery["id"], "--state-directory", "state")
        daemon.stop()

    assert "contacts/1 was created (source export); webhook mirror fired" in done.stdout
    assert "attempt 1" in done.stdout
    assert "the receiver answered 503" in done.stdout
    assert "down for maintenance" in done.stdout
    assert "next: attempt 2" in done.stdout


def test_plan_says_what_a_reload_would_change(daemon, ask):
    with Receiver(lambda _: Answer(500)) as receiver:
        daemon.configure({"mirror": hook(receiver.url), "old": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: len(daemon.named("delivery.attempted")) == 2, "attempts")
        same = ask("plan", "--config", "config.yaml")
        (daemon.folder / "status.json").write_text(ask("status", "--json").stdout)
        daemon.configure({"mirror": hook(f"{receiver.url}/new"), "added": hook(receiver.url)})
        done = ask("plan", "--config", "config.yaml")
        daemon.stop()

    offline = daemon.command("plan", "--config", "config.yaml", "--status", "status.json", "--json")
    assert (same.returncode, same.stdout[:10]) == (0, "no changes")
    for returned in (done.returncode, offline.returncode):
        assert returned == 10
    assert "~ webhook mirror: 1 waiting: due now" in done.stdout
    assert "request.url: " in done.stdout
    assert "- webhook old: 1 waiting: held until it returns" in done.stdout
    assert "+ webhook added" in done.stdout
    kinds = {one["name"]: one["kind"] for one in json.loads(offline.stdout)["webhooks"]}
    assert kinds == {"mirror": "changed", "old": "removed", "added": "added"}


def test_plan_sees_a_rotated_secret_without_showing_it(daemon, ask):
    (daemon.folder / "secret").write_text("canary-before")
    apps = {"filed": {"client_secret": {"file": "secret"}}}
    signed = hook("https://a.example/")
    signed["request"] |= {"signature": {"app_id": "filed"}}
    daemon.configure({"mirror": signed}, apps=apps)
    daemon.start()
    (daemon.folder / "secret").write_text("canary-after")
    done = ask("plan", "--config", "config.yaml")
    daemon.stop()

    assert done.returncode == 10
    assert "request.signature" in done.stdout
    assert "canary" not in done.stdout


def test_plan_sees_another_certificate_under_the_same_name(daemon, ask):
    file = daemon.folder / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    trusting = hook("https://a.example/")
    trusting["request"] |= {"tls": {"ca_file": "ca.pem"}}
    daemon.configure({"mirror": trusting})
    daemon.start()
    same = ask("plan", "--config", "config.yaml")
    trustme.CA().cert_pem.write_to_path(file)
    done = ask("plan", "--config", "config.yaml")
    daemon.stop()

    assert same.returncode == 0
    assert done.returncode == 10
    assert "request.tls" in done.stdout
    assert "of another content" in done.stdout


def test_an_invalid_configuration_has_no_plan(daemon, ask):
    daemon.configure({"mirror": hook("https://a.example/")})
    daemon.start()
    daemon.config.write_text("version: 2\n")

    assert ask("plan", "--config", "config.yaml").returncode == 1
    daemon.stop()


def _get(url, path, **headers):
    request = urllib.request.Request(url + path, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_over_tcp_only_health_and_metrics_are_open(daemon):
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    daemon.environment["WEBHOOKD_ADMIN_TOKEN"] = TOKEN
    daemon.configure({"mirror": hook("https://a.example/")})
    daemon.start("--admin-address", f"127.0.0.1:{port}")
    url = f"http://127.0.0.1:{port}"
    known = {"Authorization": f"Bearer {TOKEN}"}
    found = {
        "health": _get(url, "/healthz")[0],
        "ready": _get(url, "/readyz")[0],
        "metrics": _get(url, "/metrics")[0],
        "no token": _get(url, "/v1/status")[0],
        "a wrong token": _get(url, "/v1/status", Authorization="Bearer x")[0],
        "the token": _get(url, "/v1/status", **known)[0],
        "another host": _get(url, "/v1/status", Host="evil.example", **known)[0],
        "unknown path": _get(url, "/v1/nothing", **known)[0],
    }
    status = daemon.command("status", "--admin-address", f"127.0.0.1:{port}")
    metrics = _get(url, "/metrics")[1]
    daemon.stop()

    assert found == {
        "health": 200,
        "ready": 200,
        "metrics": 200,
        "no token": 401,
        "a wrong token": 401,
        "the token": 200,
        "another host": 421,
        "unknown path": 404,
    }
    assert status.returncode == 0
    assert TOKEN not in daemon.log + metrics
    assert "webhookd_config_last_reload_successful 1.0" in metrics


def test_an_address_beyond_loopback_is_refused(daemon):
    daemon.configure({"mirror": hook("https://a.example/")})
    daemon.start("--admin-address", "0.0.0.0:8080", is_awaited=False)

    assert daemon.wait() == 78
    assert "only loopback" in daemon.log


def test_a_retry_that_would_overtake_a_newer_change_is_refused_unless_it_is_meant(daemon, ask):
    statuses = iter([400, 200, 200])
    with Receiver(lambda _: Answer(next(statuses))) as receiver:
        daemon.configure({"mirror": hook(receiver.url, delivery={"order": "record"})})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1, "value": 1}, {"id": 1, "value": 2})
        until(lambda: len(daemon.named("delivery.attempted")) == 2, "two attempts")
        id_ = daemon.named("delivery.attempted")[0]["delivery_id"]
        dry = ask("deliveries", "retry", "--webhook", "mirror", "--dry-run")
        refused = ask("deliveries", "retry", id_)
        count = len(receiver.received)
        meant = ask("deliveries", "retry", id_, "--out-of-order")
        until(lambda: len(receiver.received) == 3, "the third request")
        daemon.stop()

    assert (dry.returncode, dry.stdout) == (0, "0 deliveries would be retried\n")
    assert refused.returncode == 1
    assert "1 left: a newer change of the record was delivered" in refused.stderr
    assert "--out-of-order" in refused.stderr
    assert count == 2
    assert (meant.returncode, meant.stdout) == (0, "1 delivery retried\n")


def _metrics(daemon):
    transport = httpx.HTTPTransport(uds=f"{daemon.state}/admin.sock")
    with httpx.Client(transport=transport) as client:
        return client.get("http://webhookd/metrics").text


def at(daemon):
    return ("--state-directory", str(daemon.state))
