"""CSV files as people export them: conditions read their numbers and dates, receivers get them."""

import json

import pytest

from tests.daemon import until

GERMAN = {
    "decimal": "comma",
    "dates": ["%d.%m.%Y"],
    "encoding": "cp1252",
    "skip_lines": 1,
}
FILE = (
    "Umsätze 2026\r\n"
    "sep=;\r\n"
    "Nr; Betrag ;Datum;Größe;Rest;Rest\r\n"
    "1;1.500,00;05.01.2026;10 µ;a;b\r\n"
    "2;900,00;05.01.2026;;;\r\n"
    "3;n/a;05.01.2026;;;\r\n"
    "4;1 200;31.12.2025;;;\r\n"
    "5;2.000;01.02.2026;;;\r\n"
)
WHEN = [
    {"property": "Betrag", "operator": "GT", "value": 1000},
    {"property": "Datum", "operator": "GTE", "value": "2026-01-01"},
]


def hook(receiver, when):
    request = {"url": f"{receiver.url}/", "allow_http": True, "body": {"properties": ["Betrag"]}}
    return {"source": "export", "object": "contacts", "request": request, "trigger": {"when": when}}


@pytest.fixture
def large(daemon, receiver):
    """Return a daemon that reads German files and tells of large amounts of this year."""
    daemon.configure(
        {"large": hook(receiver, WHEN)}, source={"id_property": "Nr", "csv": dict(GERMAN)}
    )
    return daemon


def test_numbers_and_dates_are_compared_as_they_are_written_and_sent_as_they_were(
    large, receiver, ask
):
    large.start()
    large.drop("umsatz.csv", FILE.encode("cp1252"))
    until(lambda: len(receiver.received) == 2, "two deliveries")

    (warned,) = large.named("source.value_not_comparable")
    (repeated,) = large.named("file.columns_repeated")
    asked = ask(
        *("backfill", "large", "--dry-run", "--where"),
        "{property: Betrag, operator: LT, value: 1600}",
    )
    large.configure(
        {"large": hook(receiver, [WHEN[0] | {"value": 1800}, WHEN[1]])},
        source={"id_property": "Nr", "csv": GERMAN},
    )
    plan = ask("plan", "--config", "config.yaml", "--replay", "1h", "--json")

    assert [json.loads(one.body) for one in receiver.received] == [
        {"Betrag": "1.500,00"},
        {"Betrag": "2.000"},
    ]
    assert (warned["property"], warned["example"]) == ("Betrag", "n/a")
    assert (repeated["property"], repeated["columns"]) == ("Rest", [5, 6])
    assert "Betrag: 'n/a' is not a number, so that it satisfies no operator of" in asked.stderr
    assert "1 delivery of 5 known" in asked.stdout or "1 deliveries of 5 known" in asked.stdout
    (replayed,) = json.loads(plan.stdout)["replay"]["webhooks"]
    assert (replayed["fires_in_force"], replayed["fires"]) == (2, 1)


def test_a_replay_says_what_another_reading_would_have_fired(large, receiver, ask):
    large.start()
    large.drop("umsatz.csv", FILE.encode("cp1252"))
    until(lambda: len(receiver.received) == 2, "two deliveries")
    large.configure(
        {"large": hook(receiver, WHEN)},
        source={"id_property": "Nr", "csv": GERMAN | {"decimal": "point"}},
    )

    plan = ask("plan", "--config", "config.yaml", "--replay", "1h", "--json")

    (replayed,) = json.loads(plan.stdout)["replay"]["webhooks"]
    assert (replayed["fires_in_force"], replayed["fires"]) == (2, 0)


@pytest.mark.parametrize(
    ("csv", "amount", "says"),
    [
        ({}, "900,00", "'900,00' is not a number"),
        ({"decimal": "point"}, "900,00", "'900,00' is not a number"),
        ({"decimal": "comma"}, "900.00", "'900.00' is not a number"),
        ({"decimal": "comma"}, "1.500,00", "large fires"),
        ({}, "1,500.00", "large fires"),
        ({}, " 1500", "large fires"),
        ({}, "1,500", "'1,500' is not a number"),
        ({"decimal": "point"}, "1,500", "large fires"),
    ],
)
def test_a_try_says_what_is_no_number(daemon, receiver, csv, amount, says):
    daemon.configure({"large": hook(receiver, [WHEN[0]])}, source={"csv": csv} if csv else {})
    (daemon.folder / "one.csv").write_text(f'id,Betrag\n1,"{amount}"\n')

    done = daemon.command("test", "large", "--config", "config.yaml", "--record", "one.csv")

    assert says in done.stdout


def test_two_columns_of_one_name_fail_a_file_whose_webhook_needs_them(daemon, receiver):
    needs_all = hook(receiver, [WHEN[0]])
    del needs_all["request"]["body"]
    daemon.configure({"all": needs_all, "off": hook(receiver, WHEN) | {"enabled": False}})
    daemon.start()
    daemon.drop("a.csv", b"id,Betrag,a,a\n1,1500,x,y\n")

    (failed,) = until(lambda: daemon.named("file.failed"), "the file")
    (daemon.folder / "one.csv").write_text("id,a, a\n1,2,3\n")
    tried = daemon.command("test", "all", "--config", "config.yaml", "--record", "one.csv")

    assert "names 'a' twice (columns 3 and 4), and the webhook all needs it" in failed["reason"]
    assert "names 'a' twice (columns 2 and 3)" in tried.stderr
    assert tried.returncode == 1
