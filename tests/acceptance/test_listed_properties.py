"""`sources properties`: the names to choose from, of known records and of files."""

import pytest

from tests.asked_twice import beside_and_without, objects
from tests.daemon import Daemon, until
from tests.fake_crms.salesforce import CLIENT, Salesforce
from tests.fake_crms.served import served
from tests.virtual_time import VirtualTime

WHERE = ("--state-directory", "state")
CONFIG = ("--config", "config.yaml")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Return what was answered, beside a daemon that took records and without one."""
    daemon = Daemon(tmp_path_factory.mktemp("daemon"))
    when = [{"property": "stage", "operator": "EQ", "value": "customer"}]
    hook = {
        "source": "export",
        "object": "contacts",
        "trigger": {"when": when},
        "request": {
            "url": "http://127.0.0.1:9/hook",
            "allow_http": True,
            "body": {"properties": ["email", "nobody"]},
        },
    }
    daemon.configure({"mirror": hook})
    daemon.start()
    daemon.drop_rows(
        "1.ndjson",
        {"id": 7, "email": "ada@example.com", "stage": "lead", "long": "x" * 60},
        {"id": 8, "email": None, "stage": "customer"},
    )
    until(lambda: daemon.named("file.taken"), "the file")
    (daemon.folder / "some.csv").write_text("id;Vorname;leer\n1;Grüße;\n;Ada;\n3;;\n")
    arguments = [
        ("export",),
        ("export", "contacts", "--json"),
        ("export", "contact"),
        ("exprot",),
        ("export", "--file", "some.csv", *CONFIG),
        ("export", "--file", "some.csv", "--json", *CONFIG),
        ("people", "--file", "some.csv", "--json"),
        ("export", "--file", "nothing.csv"),
    ]

    def answered(one):
        more = () if "--config" in one else CONFIG if "people" not in one else ()
        return daemon.command("sources", "properties", *one, *more, *WHERE)

    return beside_and_without(daemon, arguments, answered)


def test_a_line_a_property_with_an_example_and_who_uses_it(answered):
    done = answered("export")

    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["contacts", "of", "export,", "of", "2", "records"],
        ["PROPERTY", "EXAMPLE", "RECORDS", "USED", "BY"],
        ["email", "ada@example.com", "1", "mirror"],
        ["id", "8", "2"],
        ["long", "x" * 40 + "…", "1"],
        ["nobody", "0", "mirror"],
        ["stage", "customer", "2", "mirror"],
    ]


def test_json_is_an_object_a_property(answered):
    found = {one["name"]: one for one in objects(answered("export", "contacts", "--json"))}

    assert found["stage"] == {
        "source": "export",
        "object": "contacts",
        "name": "stage",
        "examples": ["customer", "lead"],
        "records": 2,
        "of": 2,
        "share": 1.0,
        "used_by": ["mirror"],
    }


def test_of_a_file_every_column_is_told_and_bad_rows_are_passed_over(answered):
    done = answered("export", "--file", "some.csv", *CONFIG)

    assert [line.split() for line in done.stdout.splitlines()] == [
        ["contacts", "of", "export,", "of", "2", "records"],
        ["PROPERTY", "EXAMPLE", "RECORDS", "USED", "BY"],
        ["Vorname", "Grüße", "1"],
        ["email", "0", "mirror"],
        ["id", "1", "2"],
        ["leer", "0"],
        ["nobody", "0", "mirror"],
        ["stage", "0", "mirror"],
    ]
    assert "1 bad row, the first: some.csv:3: " in done.stderr


def test_a_file_needs_no_configuration(answered):
    found = objects(answered("people", "--file", "some.csv", "--json"))

    assert [(one["source"], one["object"], one["name"]) for one in found] == [
        ("people", "people", "Vorname"),
        ("people", "people", "id"),
        ("people", "people", "leer"),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "contact"), "export: there is no object 'contact'; did you mean 'contacts'?"),
        (("exprot",), "there is no source 'exprot'; did you mean 'export'?"),
        (("export", "--file", "nothing.csv"), "nothing.csv: cannot be read: "),
    ],
)
def test_what_is_not_there_is_an_error(answered, arguments, says):
    done = answered(*arguments)

    assert done.returncode == 1
    assert f"webhookd: {says}" in done.stderr


def test_salesforce_tells_types_and_options_and_a_value_that_is_no_option_is_found(daemon):
    crm = Salesforce("Lead", time=VirtualTime())
    crm.create(3)
    daemon.environment |= {"ID": CLIENT["client_id"], "SECRET": CLIENT["client_secret"]}
    when = [{"property": "Status", "operator": "EQ", "value": "Contacted"}]
    request = {"url": "https://127.0.0.1:9/", "body": {"properties": ["Email"]}}
    hook = {"source": "crm", "object": "Lead", "trigger": {"when": when}, "request": request}
    with served(crm) as origin:
        source = {
            "type": "rest",
            "extends": "salesforce",
            "base_url": f"{origin}/services/data/v62.0/",
            "authentication": {
                "token_url": f"{origin}/services/oauth2/token",
                "client_id": {"env": "ID"},
                "client_secret": {"env": "SECRET"},
            },
            "objects": {"Lead": {}},
        }
        daemon.configure({"leads": hook}, sources={"crm": source})
        fetched = daemon.command("sources", "properties", "crm", "--fetch", "--json", *CONFIG)
        checked = daemon.command("check", "--online", *CONFIG)

    found = {one["name"]: one for one in objects(fetched)}
    options = ["Open - Not Contacted", "Working - Contacted", "Closed - Converted"]
    assert {key: found["Status"][key] for key in ("type", "options", "used_by")} == {
        "type": "picklist",
        "options": options,
        "used_by": ["leads"],
    }
    assert found["LastName"]["records"] == 3
    assert (found["Email"]["type"], found["Email"]["label"]) == ("email", "Email")
    told = "Status: 'Contacted' is no option of it; did you mean 'Working - Contacted'?"
    assert told in checked.stderr
