"""Timed triggers in the real daemon: told at their time, seen before, taken away, made up for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.crash import timed
from tests.daemon import until
from tests.receiver import Receiver
from webhookd import clock

SEED = 20260302


def hook(url, **trigger):
    request = {"url": url, "allow_http": True}
    return {"source": "export", "object": "contacts", "trigger": trigger, "request": request}


def written(at):
    return at.isoformat(timespec="milliseconds")


def bodies(receiver):
    return [json.loads(one.body) for one in receiver.received]


def test_kills_at_random_moments_lose_no_moment_and_repeat_none(tmp_path):
    assert timed.killed(tmp_path, SEED, kills=6).faults == []


def test_moments_are_listed_shown_taken_away_and_explained(daemon, ask):
    now = clock.now()
    with Receiver() as receiver:
        by_date = {"property": "day", "days": -3, "time": "09:00", "zone": "Europe/Warsaw"}
        daemon.configure(
            {
                "soon": hook(receiver.url, at={"property": "soon", "offset": "1s"}),
                "dates": hook(receiver.url, at=by_date),
            }
        )
        daemon.start()
        day = f"{now.year + 1}-06-15"
        daemon.drop_rows(
            "1.ndjson", {"id": "1", "day": day, "soon": written(now)}, {"id": "2", "day": day}
        )
        until(lambda: receiver.received, "the first moment")
        places = ("--state-directory", str(daemon.state))

        listed = daemon.command("moments", "list", "dates", "--json", *places)
        rows = [json.loads(line) for line in listed.stdout.splitlines()]
        assert [(one["webhook"], one["record_id"]) for one in rows] == [
            ("dates", "1"),
            ("dates", "2"),
        ]
        assert rows[0]["at"] == f"{now.year + 1}-06-12T07:00:00.000Z"
        before = daemon.command("moments", "list", "--before", f"{now.year + 1}-06-12", *places)
        assert before.stdout == "no moments ahead\n"
        shown = daemon.command("moments", "show", "dates", "2", *places).stdout
        assert "by the property day, 3 days before, at 09:00 in Europe/Warsaw" in shown

        assert ask("moments", "cancel", "dates", "2").returncode == 0
        again = ask("moments", "cancel", "dates", "2")
        assert (again.returncode, "awaits no moment" in again.stderr) == (1, True)
        assert len(daemon.command("moments", "list", *places).stdout.splitlines()) == 2
        unknown = daemon.command("moments", "list", "dtes", *places)
        assert (unknown.returncode, "did you mean 'dates'" in unknown.stderr) == (1, True)

        status = json.loads(ask("status", "--json").stdout)
        standing = {one["webhook"]: one["moments"] for one in status["webhooks"]}
        assert standing == {"dates": 1, "soon": 0}
        assert "1 record awaits a moment" in ask("status").stdout
        until(lambda: daemon.tally("delivered") == 1, "its settlement")
        [delivery] = daemon.deliveries()
        story = daemon.command("explain", delivery["id"], *places).stdout
        assert "contacts/1 was due" in story
        assert "by the property soon, 1 s after" in story
        daemon.stop()

    assert [one["eventType"] for one in bodies(receiver)] == ["contacts.due"]


def test_a_backfill_makes_up_for_past_moments_if_it_is_told_how_far(daemon, ask):
    now = clock.now()
    with Receiver() as receiver:
        daemon.configure({})
        daemon.start()
        days = {str(back): written(now - timedelta(days=back)) for back in (1, 5, 40)}
        daemon.drop_rows("1.ndjson", *({"id": id_, "at": at} for id_, at in days.items()))
        until(lambda: daemon.named("file.taken"), "the file taken")
        daemon.configure({"w": hook(receiver.url, at={"property": "at"})})
        daemon.reload()
        until(lambda: daemon.named("moment.planned"), "its plan")

        without = ask("backfill", "w")
        made = ask("backfill", "w", "--past", "30d")
        until(lambda: len(receiver.received) == 2, "what was made up for")
        again = ask("backfill", "w", "--past", "30d")
        daemon.stop()

    assert (without.returncode, "webhookd backfill w --past 30d" in without.stderr) == (1, True)
    assert made.stdout.splitlines()[-1] == "2 deliveries made; 3 records looked at"
    assert again.stdout.splitlines()[-1] == "0 deliveries made; 3 records looked at"
    told = sorted((one["objectId"], one["occurredAt"]) for one in bodies(receiver))
    assert [id_ for id_, _ in told] == ["1", "5"]
    assert datetime.fromisoformat(told[0][1]) == datetime.fromisoformat(days["1"]).astimezone(UTC)
