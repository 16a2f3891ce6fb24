"""Rows that lack keys, and headers that drift from file to file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.sources.dropping import Dropping, mirror
from webhookd.definitions import ChosenProperty, Trigger
from webhookd.model import ChangeKind
from webhookd.rules.usage import Used
from webhookd.telemetry.events import FileColumnsIgnored, FileColumnsRepeated, FilePropertyMissing


@pytest.fixture
def partial(tmp_path):
    return Dropping(tmp_path, partial=True)


@pytest.fixture
def whole(tmp_path):
    return Dropping(tmp_path)


def test_keys_that_a_partial_row_lacks_keep_their_values_and_null_clears_one(partial):
    partial.take("1.ndjson", '{"id":"1","a":"x","b":1.10,"c":"z"}\n')

    assert partial.take("2.ndjson", '{"id":"1","a":"y"}\n{"id":"1","c":null}\n') == [
        ("1", "updated", {"id": "1", "a": "y", "b": "1.10", "c": "z"}, {"a": "x"}),
        ("1", "updated", {"id": "1", "a": "y", "b": "1.10"}, {"c": "z"}),
    ]


@pytest.mark.parametrize(
    "row", ['{"id":"1"}', '{"id":"1","a":"x"}', '{"id":"1","new":null}', '{"id":1,"id ":null}']
)
def test_a_partial_row_that_says_nothing_new_is_no_change(partial, row):
    partial.take("1.ndjson", '{"id":"1","a":"x"}\n')
    expected = 1 if row.startswith('{"id":1,') else 0

    # The id property is a property: as a number it differs from the text.
    assert len(partial.take("2.ndjson", f"{row}\n")) == expected


def test_a_partial_row_of_an_unknown_record_creates_it_with_what_it_has(partial):
    told = partial.take("1.ndjson", '{"id":"1","a":"x","b":null}\n')

    assert told == [("1", "created", {"id": "1", "a": "x"}, {"id": None, "a": None})]


def test_a_partial_row_of_hubspots_shape_is_partial_in_its_properties(partial):
    partial.take("1.ndjson", '{"id":"1","properties":{"a":"x","b":"y"}}\n')

    told = partial.take("2.ndjson", '{"id":"1","properties":{"b":null}}\n')
    assert told == [("1", "updated", {"a": "x"}, {"b": "y"})]
    told = partial.take("3.ndjson", '{"id":"1","properties":{},"archived":true}\n')
    assert told == [("1", "deleted", {"a": "x"}, {})]
    told = partial.take("4.ndjson", '{"id":"1","properties":{"c":"z"}}\n')
    assert told == [("1", "created", {"c": "z"}, {"c": None})]


def test_an_empty_field_of_a_partial_csv_is_empty_text(partial):
    partial.take("1.csv", "id,a,b\n1,x,y\n")

    assert partial.take("2.csv", "id,b\n1,\n") == [
        ("1", "updated", {"id": "1", "a": "x", "b": ""}, {"b": "y"})
    ]


def test_columns_that_come_and_go_and_change_places_are_absent_or_there(whole):
    whole.take("1.csv", "id,a,b\n1,x,y\n")

    assert whole.take("2.csv", "b;id;a\ny;1;x\n") == []
    assert whole.take("3.csv", "id,a,renamed\n1,x,y\n") == [
        (
            "1",
            "updated",
            {"id": "1", "a": "x", "renamed": "y"},
            {"b": "y", "renamed": None},
        )
    ]


def test_a_used_property_without_a_column_is_warned_of_once(whole):
    whole.used = Used(dict.fromkeys(("email", "name", "score"), "hook"))
    headers = ("id,email,name,score", "id,email", "id,email", "id,email,name", "id,email")
    rows = ("1,e,n,s", "1,e", "1,e", "1,e,n", "1,e")

    for number, (header, row) in enumerate(zip(headers, rows, strict=True)):
        whole.drop(f"{number}.csv", f"{header}\n{row}\n")
    whole.run()

    told = [(event.file, event.property) for event in whole.reported.of(FilePropertyMissing)]
    assert told == [("1.csv", "name"), ("1.csv", "score"), ("4.csv", "name")]


def test_partial_files_may_lack_columns_without_a_warning(partial):
    partial.used = Used({"email": "hook"})

    partial.take("1.csv", "id,name\n1,n\n")

    assert partial.reported.of(FilePropertyMissing) == []


def test_a_column_without_a_name_is_told_of_once_for_each_file(tmp_path):
    dump = Dropping(tmp_path, content="snapshot")

    assert dump.take("1.csv", "id,a,\n1,x,\n2,y,z\n")[0][2] == {"id": "1", "a": "x"}

    assert dump.reported.of(FileColumnsIgnored) == [FileColumnsIgnored("export", "1.csv", (3,), 1)]


def test_a_header_of_very_many_columns_costs_few_lines(tmp_path):
    dump = Dropping(tmp_path, content="snapshot")
    names = [str(number) for number in range(5_000)] * 3

    dump.take("1.csv", "id," + ",".join(names) + "," * 20_000 + "\n")

    repeated = dump.reported.of(FileColumnsRepeated)
    assert [(one.property, one.count) for one in repeated] == [(str(n), 3) for n in range(10)]
    (ignored,) = dump.reported.of(FileColumnsIgnored)
    assert ignored.count == 20_000
    assert len(ignored.columns) == 10


def test_a_deletion_is_told_by_get_from_the_last_known_properties(tmp_path):
    webhook = mirror(trigger=Trigger(changes=(ChangeKind.DELETED,)))
    query = (ChosenProperty("email", "email"), ChosenProperty("lost", "lost"))
    request = replace(webhook.request, method="GET", body=None, query=query)
    dump = Dropping(tmp_path, replace(webhook, request=request), content="snapshot")
    for name, content in (("1.csv", "id,email\n1,ada@x\n2,eve@x\n"), ("2.csv", "id,email\n2,e\n")):
        dump.drop(name, content)

    dump.run()

    assert dump.query("SELECT change, method, query, body FROM deliveries") == [
        ("deleted", "GET", "email=ada@x", None)
    ]
