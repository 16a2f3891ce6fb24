"""How a row becomes an observation."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from webhookd.model import BadRow, Observation
from webhookd.sources.formats import ndjson_rows
from webhookd.sources.formats.record_ids import IdRule
from webhookd.sources.formats.rows import observer


def observed(line: str, id_property: str = "id") -> Observation | BadRow:
    (row,) = ndjson_rows.rows(io.BytesIO(line.encode()))
    return row if isinstance(row, BadRow) else observer("contacts", IdRule(id_property))(row)


@pytest.mark.parametrize(
    "value", ["1.10", "-0.0", "1E5", "123456789012345678901234567890", "-0", "1e999999999999"]
)
def test_a_number_stays_exactly_as_it_was_written(value):
    assert observed(f'{{"id":"a","n":{value}}}').properties["n"] == value


def test_nested_values_become_compact_text_with_their_order_and_numbers():
    line = '{"id": "a", "n": {"z": [1.10, null, true], "a": {"é": "\\u00e9\\n"}, "e": {}, "l": []}}'

    assert observed(line).properties["n"] == (
        '{"z":[1.10,null,true],"a":{"é":"é\\n"},"e":{},"l":[]}'
    )


def test_null_is_absent_and_empty_text_is_not():
    assert observed('{"id":"a","x":null,"y":""}').properties == {"id": '"a"', "y": '""'}


def test_values_are_plain_text_objects():
    properties = observed('{"id":1,"x":1.5,"y":"z","b":false}').properties

    assert {type(value) for value in properties.values()} == {str}
    assert type(observed('{"id":1}').record_id) is str


@pytest.mark.parametrize("written", ["123", '"123"'])
def test_a_whole_number_and_its_text_are_the_same_id(written):
    assert observed(f'{{"id":{written}}}').record_id == "123"


def test_the_id_stays_among_the_properties_as_it_was_written():
    assert observed('{"id":123}').properties == {"id": "123"}
    assert observed('{"key":"k"}', "key").properties == {"key": '"k"'}


@pytest.mark.parametrize(
    "written",
    [
        "1.0",
        "1e2",
        "true",
        "false",
        "null",
        '""',
        '"  "',
        "[1]",
        "{}",
        "-0",
        '"a\\u0000"',
        '"a\\n"',
        '"\\u0085"',
        json.dumps("x" * 1025),
    ],
)
def test_what_is_no_id_makes_the_row_bad(written):
    bad = observed(f'{{"id":{written}}}')

    assert isinstance(bad, BadRow)
    assert "'id'" in bad.reason


def test_a_missing_id_makes_the_row_bad():
    assert isinstance(observed('{"Id":"1"}'), BadRow)


def test_the_longest_id_is_taken():
    assert observed(json.dumps({"id": "é" * 1024})).record_id == "é" * 1024


@pytest.mark.parametrize(
    "written", ['"2024-05-01T10:00:00.5Z"', '"2024-05-01T12:00:00.500+02:00"', "1714557600500"]
)
def test_a_row_in_hubspots_shape_gives_its_properties_and_its_time(written):
    line = (
        f'{{"id":"7","properties":{{"email":"a@b.c","n":null}},"createdAt":"x",'
        f'"updatedAt":{written},"archived":false}}'
    )

    assert observed(line) == Observation(
        "contacts",
        "7",
        {"email": '"a@b.c"'},
        modified_at=datetime(2024, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC),
    )


def test_an_archived_row_is_deleted():
    assert observed('{"id":"7","properties":{},"archived":true}').deleted


def test_another_id_property_than_id_is_looked_for_among_hubspots_properties():
    line = '{"id":"7","properties":{"email":"a@b.c"}}'

    assert observed(line, "email").record_id == "a@b.c"


@pytest.mark.parametrize(
    "extra",
    [
        '"archived":"yes"',
        '"updatedAt":"yesterday"',
        '"updatedAt":1.5',
        '"updatedAt":true',
        f'"updatedAt":{10**400}',
        '"updatedAt":"0001-01-01T00:00:00+23:00"',
    ],
)
def test_a_wrong_value_in_hubspots_shape_makes_the_row_bad(extra):
    assert isinstance(observed(f'{{"id":"7","properties":{{}},{extra}}}'), BadRow)


@pytest.mark.parametrize(
    "extra",
    [
        '"warnings":[]',
        '"companies":["1","2"]',
        '"new":true',
        '"associations":{"companies":{"results":[]}},"url":"https://app.hubspot.com/x","email":"x"',
        '"properties_versions":null,"portalId":7,"objectTypeId":"0-1","archivedAt":"2026-03-01"',
        '"_airbyte_raw_id":"x","_airbyte_meta":{"changes":[]}',
    ],
)
@pytest.mark.parametrize(
    ("mark", "is_deleted"),
    [
        ('"archived":true', True),
        ('"archived":false', False),
        ('"createdAt":"2024-05-01T10:00:00Z"', False),
        ('"updatedAt":"2024-05-01T10:00:00Z"', False),
    ],
)
def test_further_keys_do_not_hide_hubspots_shape(extra, mark, is_deleted):
    found = observed(f'{{{extra},"id":"7","properties":{{"email":"a@b.c"}},{mark}}}')

    assert (found.record_id, found.properties) == ("7", {"email": '"a@b.c"'})
    assert found.deleted == is_deleted


def test_an_archived_row_needs_no_properties():
    line = '{"id":"7","properties":null,"archived":true,"updatedAt":"2024-05-01T10:00:00Z","x":1}'

    assert observed(line).deleted


@pytest.mark.parametrize(
    "line",
    [
        '{"id":"7","properties":["house"],"updatedAt":"2024-05-01","archived":true}',
        '{"id":"7","properties":"two","archived":true}',
        '{"id":"7","properties":null,"archived":true}',
        '{"id":"7","properties":{"a":1},"colour":"red","updated_at":"2024-05-01"}',
    ],
)
def test_a_row_without_what_makes_hubspots_shape_is_flat(line):
    assert observed(line).properties == {
        name: json.dumps(value, separators=(",", ":"))
        for name, value in json.loads(line).items()
        if value is not None
    }


def test_a_flat_row_may_have_a_property_called_properties():
    line = '{"id":"7","properties":{"a":1},"colour":"red"}'

    assert observed(line).properties == {"id": '"7"', "properties": '{"a":1}', "colour": '"red"'}
