"""A real PocketBase is read while it is written to: nothing is lost, no deletion is invented.

`make sources` reads ten thousand records; here are a few hundred.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests import pocketbase
from tests.fake_api import START
from tests.integration.sources.rest.conftest import ABSENCE, Reading, kinds
from tests.making import LOOPBACK
from tests.pocketbase import Writes
from webhookd.authentication.credentials import fixed
from webhookd.clock import SYSTEM
from webhookd.config.presets import catalogue
from webhookd.definitions import (
    Bearer,
    RestDescribe,
    RestDetect,
    RestObject,
    RestOne,
    RestPaging,
    RestPart,
    RestSource,
)
from webhookd.model import Secret
from webhookd.sources.described import DescribedProperty
from webhookd.sources.rest import first_records
from webhookd.transport import Transport

pytestmark = pytest.mark.skipif(pocketbase.binary() is None, reason="PocketBase is not installed")

IS_LONG = bool(os.environ.get("WEBHOOKD_TEST_SOURCES"))
# A batch, which has one time, is longer than a page.
LIMIT = 150
RECORDS, SECONDS = (10_000, 15.0) if IS_LONG else (700, 3.0)
PATH = "collections/persons/records"
TIME = RestDetect(
    by="time",
    order="modified",
    query={"filter": "updated >= '${since}'", "sort": "updated,id"},
)
TIES = RestPart(query={"filter": "updated = '${since}' && id > '${after}'", "sort": "id"})
PERSONS = RestObject(
    "persons",
    path=PATH,
    records="items",
    query={"skipTotal": True},
    paging=RestPaging(by="page", limit=LIMIT, query={"page": "${page}", "perPage": "${limit}"}),
    modified="updated",
    created="created",
    one=RestOne(f"{PATH}/${{id}}"),
    detect=TIME,
    deletions=replace(ABSENCE, query={"fields": "id", "sort": "id"}),
)
BY_ID = {"skipTotal": True, "sort": "id"}
STRATEGIES = {
    "time": {},
    "ties": {"detect": replace(TIME, ties=TIES)},
    "comparison": {
        "detect": RestDetect(),
        "query": BY_ID,
        "deletions": replace(ABSENCE, query={}),
    },
}


class _Served:
    """PocketBase as a reading takes it: its URL, and the time."""

    def __init__(self, url):
        self.url = f"{url}/api"

    @property
    def now(self):
        return START + int((datetime.now(UTC).timestamp() - START / 1e6) * 1e6)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with pocketbase.running(tmp_path_factory.mktemp("pocketbase")) as running:
        yield running


@pytest.fixture
def crm(base, tmp_path):
    def make(**changes):
        base.delete_all()
        read = replace(PERSONS, **changes)
        url = f"sqlite:///{tmp_path / 'webhookd.db'}"
        token = Bearer(Secret(base.token), prefix="")
        return Reading(_Served(base.url), url, read, authentication=token)

    return make


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("is_first", [False, True], ids=["then", "from the first read on"])
def test_at_quiet_all_is_known_and_deletions_are_true(base, crm, name, is_first):
    reading = crm(**STRATEGIES[name])
    ids = base.create(RECORDS)
    time.sleep(1.1)
    if not is_first:
        assert reading.poll() == []
    writes = Writes(base, ids, SECONDS)
    writes.start()
    while writes.is_alive():
        reading.poll(times=2, every=3600)
    for _ in range(3):
        told = kinds(reading.poll(times=2, every=3600))

    assert reading.known() == base.dump()
    deleted, created = told.get("deleted", []), told.get("created", [])
    assert len(deleted) == len(set(deleted))
    assert set(deleted) <= writes.gone
    assert len(created) == len(set(created))
    assert set(created) <= writes.created
    # What was made before the first answer is there from the beginning.
    start = datetime.fromtimestamp(reading.cursor()["since"] / 1e6, UTC)
    dump = base.dump()
    made = {
        id_
        for id_ in writes.created - writes.gone
        if datetime.fromisoformat(dump[id_]["created"]) >= start
    }
    assert made <= set(created)
    if not is_first:
        assert writes.gone & set(ids) <= set(deleted)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"detect": replace(TIME, time_format="rfc3339")}, "the filter finds nothing since"),
        (
            {"paging": replace(PERSONS.paging, limit=5000)},
            "paging: the API gives at most 1000 rows a page, but limit is 5000",
        ),
        (
            {"detect": replace(TIME, query={"updated_since": "${since}", "sort": "updated,id"})},
            "the filter is ignored",
        ),
        ({"detect": replace(TIME, query={**TIME.query, "sort": "-updated"})}, "is not sorted"),
        (
            {"records": "itmes"},
            "records: 'itmes' finds nothing in the answer, whose keys",
        ),
    ],
)
def test_what_a_definition_gets_wrong_is_told_by_its_key(base, crm, logged, changes, part):
    reading = crm(**changes)
    base.create(1200)
    time.sleep(0.01)
    base.create(300)
    time.sleep(1.1)
    reading.poll()

    (error,) = [one["error"] for one in logged if one["event"] == "source.poll_failed"]
    assert part in error


def test_the_preset_tells_which_properties_there_are(base):
    describe = catalogue.find("pocketbase").source["object_defaults"]["describe"]
    told = RestDescribe(**describe | {"path": describe["path"].replace("${object}", "persons")})
    read = replace(PERSONS, describe=told)
    token = Bearer(Secret(base.token), prefix="")
    source = RestSource("crm", f"{base.url}/api", (read,), authentication=token)
    base.delete_all()
    base.create(2)

    async def ask():
        async with aclosing(Transport(None)) as transport:
            return await first_records.describe(
                source,
                "persons",
                transport=transport,
                egress=LOOPBACK,
                clock=SYSTEM,
                credentials_of=fixed,
            )

    found = asyncio.run(ask())
    assert (found.untold, len(found.records)) == ("", 2)
    assert found.properties["stage"] == DescribedProperty("stage", "select", "", ("lead", "won"))
    assert [found.properties[name].type for name in ("n", "updated")] == ["number", "autodate"]
