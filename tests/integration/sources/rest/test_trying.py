"""`webhookd sources try`: what is asked, what is found, and what is proved, without a daemon."""

from __future__ import annotations

import pytest
import yaml
from typer.testing import CliRunner

from tests.delta_api import DeltaApi
from tests.fake_api import running
from tests.token_server import TokenServer
from webhookd.cli.app import app

ITEMS = {
    "records": "data",
    "query": {"limit": "${limit}"},
    "modified": "updated",
    "created": "created",
    "properties": {"label": "name", "short": "[id, name]"},
    "paging": {"by": "page", "limit": 10, "query": {"page": "${page}"}},
    "detect": {
        "by": "time",
        "order": "modified",
        "query": {"since": "${since}", "sort": "updated,id"},
    },
    "one": {"path": "items/${id}", "record": "data"},
    "deletions": {"by": "absence", "query": {"sort": "id"}},
}
TOKEN = "tok-4f7a1c9e2b"


@pytest.fixture
def tried(api, tmp_path, monkeypatch):
    """Return what tries the object `items`, its keys changed, and returns exit code and lines."""
    monkeypatch.setenv("CRM_TOKEN", TOKEN)

    def run(*names, base_url=None, authentication=None, **changes):
        key = {"type": "api_key", "name": "key", "location": "query", "key": {"env": "CRM_TOKEN"}}
        source = {
            "type": "rest",
            "base_url": base_url or api.url,
            "authentication": authentication or key,
            "requests_per_second": 1000,
            "objects": {"items": {**ITEMS, **changes}},
        }
        document = {
            "version": 1,
            "egress": {"allow": ["127.0.0.0/8"]},
            "sources": {"crm": source},
        }
        file = tmp_path / "webhookd.yaml"
        file.write_text(yaml.safe_dump(document))
        command = ["sources", "try", *(names or ("crm",)), "--config", str(file)]
        ran = CliRunner().invoke(app, command)
        assert TOKEN not in ran.output
        return ran.exit_code, ran.output + str(ran.exception)

    return run


def test_all_that_can_be_proved_is_told(tried, api):
    for _ in range(30):
        api.create()
        api.later(1)
    api.later(60)

    code, text = tried("crm", "items")
    assert code == 0, text
    for part in (
        "items: changes by time, asked for from the newest seen; deletions by absence",
        "GET http://127.0.0.1:",
        "key=***",
        '  as it came: {"id":"r0000001"',
        '    modified: updated -> "2026-03-01 00:00:00.000Z"',
        '    properties.short: [id, name] -> ["r0000001","n1"]',
        '  as a record: "r0000001" {"label":"n1","short":["r0000001","n1"]}',
        "  ok     detect: the filter leaves out what is older, and finds what is not",
        "  ok     paging: page 2 has 10 rows, and others than page 1",
        "  ok     deletions: the whole list begins with 10 rows",
        "  ok     one: r0000001 is found by itself",
    ):
        assert part in text
    assert len(api.asked) <= 8


TOKENS = {
    "paging": {"by": "cursor", "next": "cursor", "limit": 10, "query": {"cursor": "${cursor}"}},
    "detect": {"by": "token", "next": "delta", "query": {"token": "${token}"}},
    "deleted": "gone",
    "deletions": {"by": "flag"},
}


@pytest.fixture
def delta():
    with running(DeltaApi()) as served:
        for _ in range(30):
            served.create()
            served.later()
        yield served


def test_a_token_is_tried(tried, delta):
    code, told = tried(base_url=delta.url, **TOKENS)
    assert code == 0
    assert "items: changes since a token that the API gives; deletions by flag" in told
    assert "  ok     detect: what changed since the token is not the whole list again" in told

    delta.is_on_last = True
    code, told = tried(base_url=delta.url, **TOKENS)
    assert code == 0
    assert "  open   detect: the token is on the last page" in told


def test_a_token_that_is_not_there_or_not_read_is_wrong(tried, delta):
    delta.ignored.add("token")
    code, told = tried(base_url=delta.url, **TOKENS)
    assert code == 1
    assert "  WRONG  objects.items.detect: the token is ignored" in told

    detect = {**TOKENS["detect"], "next": "dleta", "token_of": "first_page"}
    code, told = tried(base_url=delta.url, **{**TOKENS, "detect": detect})
    assert code == 1
    assert "  WRONG  objects.items.detect.next: 'dleta' finds nothing in the answer" in told


def test_a_condition_is_tried(tried, api):
    api.create(3)
    compared = {"detect": {"conditional": "etag"}, "deletions": {"by": "none"}}
    code, told = tried(**compared)
    assert code == 1
    assert "  WRONG  objects.items.detect.conditional: the answer has no header 'etag'" in told

    api.headers = {"ETag": '"1"'}
    code, told = tried(**compared)
    assert code == 0
    assert "  open   conditional: it is sent again all the same, with If-None-Match" in told

    def answer(request):
        headers = {name.lower(): value for name, value in request[3].items()}
        return (304, b"") if headers.get("if-none-match") == '"1"' else None

    api.answer = answer
    code, told = tried(**compared)
    assert code == 0
    assert "  ok     conditional: the list is not sent again" in told


def test_records_that_are_read_by_themselves_are_shown_so(tried, api):
    api.create(3)
    api.later(60)
    code, told = tried(detail=True, properties="all")
    assert code == 0
    shown = told.partition("one: r0000001 is found by itself\n")[2]
    assert shown.startswith('  as a record: "r0000001" {"id":"r0000001","name":"n1"')


def test_what_is_wrong_is_told_by_its_key(tried, api):
    api.create(30)
    api.later(60)
    api.ignored.add("since")

    code, text = tried()
    assert code == 1
    assert "  WRONG  objects.items.detect: the filter is ignored: 10 records are older" in text


def test_without_a_record_there_is_nothing_to_prove_with(tried):
    code, text = tried()
    assert (code, "  open   detect: no record to prove the filter with" in text) == (0, True)


def test_what_refuses_and_what_is_not_there_differ(tried, api):
    api.answer = lambda _: (403, {"message": f"no scope for {TOKEN}"})
    code, text = tried()
    assert "the API answered 403: no scope for ***" in text
    assert code == 1
    code, _ = tried(base_url="http://127.0.0.1:1/api")
    assert code == 3


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (("cms",), "there is no source 'cms'; did you mean 'crm'?"),
        (("crm", "item"), "crm: there is no object 'item'; did you mean 'items'?"),
    ],
)
def test_unknown_names_are_told(tried, names, part):
    code, text = tried(*names)
    assert (code, part in text) == (1, True)


def test_a_token_is_asked_for_and_never_shown(tried, api):
    api.create(30)
    api.later(60)
    with TokenServer() as server:
        client = {
            "type": "oauth2",
            "token_url": server.token_url,
            "client_id": "crm",
            "client_secret": {"env": "CRM_TOKEN"},
        }
        code, text = tried(authentication=client)
        assert code == 0, text
        assert len(server.received) == 1
    sent = {headers.get("authorization", headers.get("Authorization")) for *_, headers in api.asked}
    assert sent == {"Bearer token-1-of-the-server"}
    assert "token-1-of-the-server" not in text
