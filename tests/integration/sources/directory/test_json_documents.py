"""Pages of APIs as files of a drop directory: the list within is read, and nothing else is one."""

import json

import pytest

from tests.integration.sources.dropping import Dropping
from webhookd.definitions import JsonSettings

PAGE = '{"paging": {"next": null}, "data": {"items": [{"id": "1"}, {"id": "2"}]}, "n": 2}'


def reason(source, name):
    report = source.root / "failed" / f"{name}.error.json"
    return json.loads(report.read_text())["reason"]


def test_a_page_is_read_at_its_path(tmp_path):
    source = Dropping(tmp_path, json=JsonSettings("data.items"))

    assert len(source.take("page.json", PAGE)) == 2
    assert len(source.take("rows.ndjson", '{"id": "3"}\n')) == 1


def test_a_page_without_a_path_is_set_aside_and_says_what_to_set(tmp_path):
    source = Dropping(tmp_path)

    assert source.take("page.json", PAGE) == []
    assert "`json: {records: data.items}`" in reason(source, "page.json")


@pytest.mark.parametrize(
    "later",
    [
        '{"data": {}}',
        '{"data": {"items": null}}',
        '{"data": {"items": [{"id": "1"}]',
        '{"data": {"items": [{"id": "1"}]}',
        '{"data": {"items": []}, "data": {"items": [{"id": "1"}]}}',
        "[]",
        " ",
    ],
)
def test_a_snapshot_without_its_list_deletes_nothing(tmp_path, later):
    source = Dropping(tmp_path, json=JsonSettings("data.items"), content="snapshot")
    source.take("1.json", PAGE)

    assert source.take("2.json", later) == []
    assert reason(source, "2.json")
    assert len(source.take("3.json", PAGE.replace(', {"id": "2"}', ""))) == 1
