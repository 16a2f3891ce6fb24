"""Timed triggers in the real daemon: told at their time, seen before, taken away, made up for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from tests import postgresql
from tests.crash import timed, year
from tests.daemon import INTERPRETER, until
from tests.fleet import Fleet
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


def test_a_year_of_dates_in_three_zones_comes_about_once_whenever_it_is_killed(tmp_path):
    assert year.lived_through(tmp_path, SEED, records=150, kills=3, hours=72).faults == []


def test_moments_are_listed_shown_taken_away_and_explained(daemon, ask):
    with Receiver() as receiver:
        by_date = {"property": "day", "days": -3, "time": "09:00", "zone": "Europe/Warsaw"}
        daemon.configure(
            {
                "soon": hook(receiver.url, at={"property": "soon", "offset": "1s"}),
                "dates": hook(receiver.url, at=by_date),
            }
        )
        daemon.start()
        # Behind the start: what was due before the timer was there never comes about.
        now = clock.now()
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
        assert "by the rule of now: the property soon, 1 s after" in story
        daemon.stop()

    assert [one["eventType"] for one in bodies(receiver)] == ["contacts.due"]


def test_an_update_of_zones_moves_at_the_next_start_what_is_planned(daemon, tmp_path):
    """An interpreter of its own: it reads where zones are when it starts."""
    zones = tmp_path / "zones" / "Europe"
    zones.mkdir(parents=True)
    daemon.environment["PYTHONTZPATH"] = str(zones.parent)
    daemon.command_line = INTERPRETER
    day = f"{clock.now().year + 1}-06-15"
    by_date = {"property": "day", "time": "09:00", "zone": "Europe/Warsaw"}
    daemon.configure({"dates": hook("http://127.0.0.1:9/", at=by_date)})
    planned = []
    # With summer time, without it, and as it was.
    for rules in ("Europe/Warsaw", "Etc/GMT-1", "Europe/Warsaw"):
        found = files("tzdata.zoneinfo").joinpath(*rules.split("/"))
        (zones / "Warsaw").write_bytes(found.read_bytes())
        plans = len(daemon.named("moment.planned"))
        daemon.start()
        until(lambda: len(daemon.named("moment.planned")) > plans, "its plan")  # noqa: B023
        if not planned:
            daemon.drop_rows("1.ndjson", {"id": "1", "day": day})
        until(lambda: daemon.look("SELECT count(*) FROM moments") == 1, "its moment")
        planned.append(daemon.look("SELECT at FROM moments"))
        daemon.stop()

    hours = [datetime.fromtimestamp(at / 1_000_000, UTC).isoformat()[:13] for at in planned]
    assert hours == [f"{day}T07", f"{day}T08", f"{day}T07"]


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


def test_a_plan_counts_what_a_timer_would_plan_and_a_test_says_when(daemon, ask):
    year = clock.now().year + 1
    with Receiver() as receiver:
        daemon.configure({})
        daemon.start()
        days = {"1": f"{year}-03-01", "2": f"{year}-03-01", "3": f"{year}-04-01", "4": "soon"}
        daemon.drop_rows("1.ndjson", *({"id": id_, "day": day} for id_, day in days.items()))
        until(lambda: daemon.named("file.taken"), "the file taken")
        by_date = {"property": "day", "days": -3, "time": "09:00", "zone": "Europe/Warsaw"}
        daemon.configure({"renewal": hook(receiver.url, at=by_date)})
        places = ("--config", str(daemon.config), "--state-directory", str(daemon.state))

        plan = daemon.command("plan", *places)
        as_json = json.loads(daemon.command("plan", "--json", *places).stdout)
        replay = daemon.command("plan", "--replay", "1h", *places)
        tried = daemon.command("test", "renewal", "--record-id", "3", *places)
        daemon.stop()

    assert (
        f"    3 moments would be planned, next {year}-02-26 09:00 Europe/Warsaw (2 records);"
        " 1 value is no date" in plan.stdout.splitlines()
    )
    assert as_json["webhooks"][0]["moments"]["planned"] == 3
    assert "dates are not replayed" in replay.stdout
    assert f"renewal looks at the record {year}-03-29T07:00:00.000Z" in tried.stdout
    assert "eventType" in tried.stdout


def test_of_three_daemons_one_of_which_dies_at_the_moment_each_record_is_told_once(tmp_path):
    """The lease of the dead one is waited out for what it had; nothing else is."""
    server = postgresql.server()
    url = server.url(server.empty())
    with Receiver() as receiver, Fleet(tmp_path, url, 3) as fleet:
        fleet.configure({"due": hook(receiver.url, at={"property": "at"})})
        fleet.start()
        at = clock.now() + timedelta(seconds=6)
        fleet.drop_rows("1.ndjson", *({"id": f"{n}", "at": written(at)} for n in range(300)))
        until(lambda: fleet.look("SELECT count(*) FROM moments") == 300, "all planned")
        until(lambda: clock.now() >= at, "the moment")
        fleet.daemons[0].kill()
        until(lambda: fleet.look("SELECT count(*) FROM deliveries") == 300, "all told")
        until(lambda: len({one.id for one in receiver.received}) == 300, "all arrived")
        for daemon in fleet.daemons[1:]:
            daemon.stop()

    records = {one["objectId"] for one in bodies(receiver)}
    assert len(records) == 300
    assert len({one.id for one in receiver.received}) == 300
