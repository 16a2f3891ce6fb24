"""`records list` and `records show`: what webhookd knows, beside a daemon and without one."""

import json

import pytest

from tests.asked_twice import beside_and_without, objects
from tests.daemon import Daemon, until

WHERE = ("--state-directory", "state")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Return what asks a daemon that took some records, and its database when it is stopped."""
    daemon = Daemon(tmp_path_factory.mktemp("daemon"))
    hook = {
        "source": "export",
        "object": "contacts",
        "trigger": {"enroll": "once"},
        "request": {"url": "http://127.0.0.1:9/hook", "allow_http": True},
    }
    people = {"type": "drop_directory", "path": "people", "object": "contacts"}
    deals = {"type": "drop_directory", "path": "deals", "object": "a/b"}
    daemon.configure({"mirror": hook})
    sources = {"export": {**people, "path": "crm"}, "people": people, "deals": deals}
    daemon.configure({"mirror": hook}, sources=sources | {"empty": {**deals, "path": "empty"}})
    daemon.start()
    rows = {
        "crm": [{"id": 7, "email": "ada@example.com", "amount": 1}, {"id": 8, "name": "Grüße"}],
        "people": [{"id": 7, "email": "other@example.com"}],
        "deals": [{"id": "x/y", "stage": "open"}],
    }
    later = '{"id": 7, "email": "ada@example.com", "amount": 1.10, "tags": ["a"]}\n'
    for count, (folder, some) in enumerate(rows.items(), 1):
        text = "".join(json.dumps(row) + "\n" for row in some)
        drop(daemon, folder, "1.ndjson", text)
        until(lambda: len(daemon.named("file.taken")) == count, "the file")  # noqa: B023 - waited for here
    drop(daemon, "crm", "2.ndjson", later)
    until(lambda: len(daemon.named("file.taken")) == 4, "the file")
    arguments = [
        ("list",),
        ("list", "--json"),
        ("list", "people"),
        ("list", "contacts", "--json"),
        ("list", "export/contacts"),
        ("list", "--limit", "1"),
        ("list", "empty"),
        ("list", "peopel"),
        ("show", "contacts/7"),
        ("show", "contacts/7", "--json"),
        ("show", "contacts/7", "--source", "people", "--json"),
        ("show", "a/b/x/y", "--json"),
        ("show", "contacts/9"),
        ("show", "contact/7"),
        ("show", "contacts"),
        ("show", "contacts/8", "--source", "people"),
    ]
    return beside_and_without(
        daemon, arguments, lambda one: daemon.command("records", *one, *WHERE)
    )


def drop(daemon, folder, name, text):
    path = daemon.folder / folder / "tmp" / name
    path.write_text(text)
    path.rename(daemon.folder / folder / "new" / name)


def test_a_list_has_a_line_for_each_record(answered):
    done = answered("list")

    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["SOURCE", "RECORD"],
        ["deals", "a/b/x/y"],
        ["export", "contacts/7"],
        ["export", "contacts/8"],
        ["people", "contacts/7"],
    ]
    assert "name=Grüße" in done.stdout


def test_json_has_each_value_exactly_as_its_source_wrote_it(answered):
    found = objects(answered("list", "--json"))

    assert [(one["source"], one["object"], one["record_id"]) for one in found] == [
        ("deals", "a/b", "x/y"),
        ("export", "contacts", "7"),
        ("export", "contacts", "8"),
        ("people", "contacts", "7"),
    ]
    assert found[1]["properties"] == {
        "id": 7, "email": "ada@example.com", "amount": 1.10, "tags": ["a"],
    }  # fmt: skip
    assert '"amount":1.10' in answered("list", "--json").stdout


def test_a_name_is_a_source_an_object_or_both(answered):
    assert [line.split()[0] for line in answered("list", "people").stdout.splitlines()[1:]] == [
        "people"
    ]
    assert [one["source"] for one in objects(answered("list", "contacts", "--json"))] == [
        *("export", "export", "people"),
    ]
    assert len(answered("list", "export/contacts").stdout.splitlines()) == 3


def test_a_limit_says_that_there_may_be_more(answered):
    done = answered("list", "--limit", "1")

    assert len(done.stdout.splitlines()) == 2
    assert "1 shown; --limit shows more" in done.stderr


def test_a_source_without_records_has_none_and_an_unknown_name_is_an_error(answered):
    assert answered("list", "empty").stdout == "no records\n"
    done = answered("list", "peopel")
    assert done.returncode == 1
    assert done.stderr == (
        "webhookd: there is no source or object 'peopel'; did you mean 'people'?\n"
    )


def test_a_record_is_shown_with_its_last_changes(answered):
    done = answered("show", "contacts/7")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "contacts/7 of export"
    assert "enrolled by mirror" in lines[1]
    assert ["amount", "1.10"] in [line.split() for line in lines]
    assert "    amount: 1 -> 1.10" in lines
    assert '    tags: (none) -> ["a"]' in lines
    assert "contacts/7 of people" in lines


def test_json_of_a_record_has_its_changes(answered):
    found = objects(answered("show", "contacts/7", "--json"))
    (other,) = objects(answered("show", "contacts/7", "--source", "people", "--json"))

    assert [one["source"] for one in found] == ["export", "people"]
    assert [change["change"] for change in found[0]["changes"]] == ["updated", "created"]
    assert found[0]["changes"][0]["before"] == {"amount": 1, "tags": None}
    assert found[0]["enrolled"] == ["mirror"]
    assert other == found[1]


def test_objects_and_ids_may_have_slashes(answered):
    (found,) = objects(answered("show", "a/b/x/y", "--json"))

    assert (found["object"], found["record_id"]) == ("a/b", "x/y")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "contacts/9"), "contacts has no record '9'; webhookd records list contacts"),
        (("show", "contact/7"), "no record of 'contact' is known; did you mean 'contacts'?"),
        (("show", "contacts"), "'contacts' is not OBJECT/ID, as a/b/101 is"),
        (
            ("show", "contacts/8", "--source", "people"),
            "contacts has no record '8' of the source 'people'",
        ),
    ],
)
def test_an_unknown_record_is_an_error_that_says_what_is_known(answered, arguments, says):
    done = answered(*arguments)

    assert done.returncode == 1
    assert done.stderr.startswith(f"webhookd: {says}"), done.stderr
    assert done.stdout == ""
