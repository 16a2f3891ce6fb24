"""Presets: what a file adds to one, takes away and replaces, and what it is told of mistakes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from base64 import b64decode
from pathlib import Path

import pytest
import yaml

from tests.making import NOW
from webhookd.authentication.credentials import fixed
from webhookd.config import loading
from webhookd.config.presets import catalogue
from webhookd.definitions import Tls
from webhookd.errors import ConfigError
from webhookd.rules.json_query import Query

ENVIRONMENT = {"CRM_TOKEN": "a-token-of-the-crm"}
PIPEDRIVE = catalogue.find("pipedrive-v2")
DIGESTS = {
    "attio-v2": "f718ad4bb628",
    "dataverse-9.2": "bd4e668106e5",
    "directus": "b0ca3aa57e39",
    "pipedrive-v2": "5f2bfdc629bf",
    "pocketbase": "19e7f4f6b481",
    "salesforce": "efba58396400",
    "zoho-v8": "241f1219d73d",
}
HEAD = """\
version: 1
sources:
  crm:
    type: rest
    extends: pipedrive-v2
    authentication: {key: {env: CRM_TOKEN}}
"""


@pytest.fixture
def load(tmp_path):
    """Return what loads a text as a configuration."""

    def loaded(text, **settings):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return loading.load(path, environment=ENVIRONMENT, **settings)

    return loaded


@pytest.fixture
def merged(load):
    """Return what gives the source, as its effective document, for lines behind the head."""
    return lambda lines: load(HEAD + lines).document["sources"]["crm"]


def problems(load, text, **settings):
    with pytest.raises(ConfigError) as caught:
        load(text, **settings)
    return [re.sub(r"^.*config\.yaml:", "", str(problem)) for problem in caught.value.problems]


def test_only_objects_that_are_named_are_read(merged):
    assert list(merged("    objects: {persons: {}}\n")["objects"]) == ["persons"]
    both = merged("    objects: {deals: {}, persons: {}}\n")
    assert list(both["objects"]) == ["deals", "persons"]


def test_keys_are_merged_at_every_depth_and_lists_are_whole(merged):
    read = merged(
        "    objects: {persons: {properties_in: [data], detect: {overlap: 5m},"
        " query: {owner_id: 7}}}\n"
    )["objects"]["persons"]

    assert read["properties_in"] == ["data"]
    assert read["detect"]["overlap"] == "5m"
    assert read["detect"]["query"] == {"updated_since": "${since}"}
    assert read["query"] == {
        "limit": "${limit}",
        "sort_by": "id",
        "sort_direction": "asc",
        "owner_id": 7,
    }


def test_null_takes_away_what_the_preset_has(merged):
    read = merged(
        "    objects: {deals: {deletions: null, deleted: null, query: {sort_by: null}}}\n"
    )["objects"]["deals"]

    assert read["deletions"]["by"] == "none"
    assert read["deleted"] is None
    assert "sort_by" not in read["query"]


def test_null_takes_away_what_the_user_s_own_defaults_have(merged):
    found = merged(
        "    object_defaults: {created: made, query: {owner_id: 7}}\n"
        "    objects: {deals: {created: null, query: {owner_id: null}}, persons: {}}\n"
    )["objects"]

    assert (found["deals"]["created"], found["persons"]["created"]) == (None, "made")
    assert "owner_id" not in found["deals"]["query"]


def test_the_user_s_defaults_win_over_the_preset_s_objects(merged):
    found = merged(
        "    object_defaults: {deletions: {by: absence, every: 2h}}\n    objects: {deals: {}}\n"
    )["objects"]["deals"]["deletions"]

    assert (found["by"], found["every"]) == ("absence", "2h")
    assert (found["path"], found["query"]) == (None, {})


def test_a_map_that_is_of_another_kind_takes_nothing_of_the_preset(merged):
    read = merged('    objects: {persons: {paging: {by: page, query: {page: "${page}"}}}}\n')[
        "objects"
    ]["persons"]

    assert (read["paging"]["limit"], read["paging"]["next"]) == (None, None)
    assert read["paging"]["query"] == {"page": "${page}"}


def test_a_map_of_the_same_kind_takes_the_rest_of_the_preset(merged):
    read = merged("    objects: {persons: {paging: {by: cursor, limit: 10}}}\n")
    paging = read["objects"]["persons"]["paging"]

    assert (paging["limit"], paging["next"]) == (10, "additional_data.next_cursor")


def test_a_reference_is_replaced_whole(merged):
    found = merged("    objects: {persons: {}}\n")["authentication"]

    assert found["key"] == {"env": "CRM_TOKEN", "file": None, "credential": None}
    assert found["name"] == "x-api-token"


def test_authentication_of_another_type_takes_nothing_of_the_preset(load):
    text = HEAD.replace("{key: {env: CRM_TOKEN}}", "{type: bearer, token: {env: CRM_TOKEN}}")
    found = load(f"{text}    objects: {{persons: {{}}}}\n").document["sources"]["crm"]

    assert found["authentication"] == {
        "type": "bearer",
        "token": {"env": "CRM_TOKEN", "file": None, "credential": None},
        "prefix": "Bearer ",
    }


def test_an_object_of_the_user_s_own_has_the_preset_s_defaults(merged):
    read = merged("    objects: {activities: {path: activities}}\n")["objects"]["activities"]

    assert read["one"]["path"] == "activities/${id}"
    assert read["paging"]["by"] == "cursor"


def test_the_name_of_an_object_stands_for_its_placeholder_in_any_rest_source(load):
    found = load(
        "version: 1\nsources:\n  crm:\n    type: rest\n    base_url: https://crm.example.com\n"
        '    object_defaults: {path: "v1/${object}", one: {path: "v1/${object}/${id}"},'
        ' query: {q: "FROM ${object} $${object}"}}\n'
        "    objects: {people: {}, firms: {}}\n"
    ).document["sources"]["crm"]["objects"]

    assert found["firms"]["path"] == "v1/firms"
    assert found["people"]["one"]["path"] == "v1/people/${id}"
    assert found["people"]["query"] == {"q": "FROM people $${object}"}


def test_what_is_merged_counts_and_not_where_it_stood(load):
    """The hash and the effective document are those of all that is read."""
    one = load(f"{HEAD}    objects: {{persons: {{}}}}\n")
    same = load(f"{HEAD}    objects: {{persons: {{path: persons}}}}\n")
    other = load(f"{HEAD}    objects: {{persons: {{path: people}}}}\n")

    assert one.document["sources"]["crm"]["extends"] == "pipedrive-v2"
    assert one.definitions.hash == same.definitions.hash != other.definitions.hash


@pytest.mark.parametrize("name", catalogue.names())
def test_a_preset_that_is_shown_is_a_configuration_of_the_same_source(load, name):
    preset = catalogue.find(name)
    copied = load(preset.as_configuration(), offline=True)
    named = "".join(f"\n      {one}: {{}}" for one in preset.objects)
    own = "".join(
        f"    {key}: {yaml.safe_dump(_replaced(value, preset.words), default_flow_style=True)}"
        for key, value in preset.source.items()
        if key in {"base_url", "authentication"}
    ).replace("\n...", "")
    text = f"version: 1\nsources:\n  crm:\n    type: rest\n    extends: {name}\n{own}"
    extended = load(f"{text}    objects:{named}\n", offline=True)

    assert copied.definitions.sources
    document = extended.document["sources"]["crm"]
    assert document.pop("extends") == name
    expected = copied.document["sources"]["crm"]
    for key in ("base_url", "authentication"):
        expected[key] = _replaced(expected[key], preset.words)
    assert document == expected


def _replaced(value, words):
    if isinstance(value, dict):
        return {key: _replaced(one, words) for key, one in value.items()}
    for word in words if isinstance(value, str) else ():
        value = value.replace(word, "acme")
    return value


@pytest.mark.parametrize("name", catalogue.names())
def test_a_preset_says_what_it_is_and_what_it_was_held_against(name):
    preset = catalogue.find(name)

    assert preset.title
    assert re.fullmatch(r"(documents|live) 20\d\d-\d\d(, .*)?", preset.status)
    assert preset.text.startswith("# ")
    head = preset.text.partition("x-title")[0]
    assert "Drawn from" in head
    assert "Run against" in head


@pytest.mark.parametrize("name", catalogue.names())
def test_words_that_stand_for_the_user_s_own_are_not_left_in(load, name):
    preset = catalogue.find(name)
    first = next(iter(preset.objects), "persons")
    text = (
        f"version: 1\nsources:\n  crm:\n    type: rest\n    extends: {name}\n"
        f"    objects: {{{first}: {{}}}}\n"
    )
    found = problems(load, text, offline=True) if preset.words else []

    for word in preset.words:
        told = [one for one in found if f"{word} stands for" in one]
        assert told
        assert all(one.startswith("5:14: sources.crm.") for one in told)
        assert all(one.endswith(f"this key comes from the preset '{name}'") for one in told)


@pytest.mark.parametrize("name", catalogue.names())
def test_every_expression_of_a_preset_is_one(load, name):
    loaded = load(catalogue.find(name).as_configuration(), offline=True)
    (source,) = loaded.definitions.sources.values()
    for read in source.objects:
        for text in (read.id, read.created, read.deleted, read.ok, read.paging.next):
            assert text is None or Query(text)


def test_presets_are_shipped_in_the_package():
    folder = Path(catalogue.__file__).parents[2] / "presets"

    assert {file.stem if file.suffix == ".yaml" else file for file in folder.iterdir()} == {
        *catalogue.names()
    }


@pytest.mark.parametrize(
    ("preset", "object_", "told"),
    [
        ("pipedrive-v2", "person: {}", "; did you mean 'persons'? One of your own needs 'path'"),
        ("pipedrive-v2", "notes: {}", "; it has persons, organizations, deals. One of your own"),
        ("pipedrive-v2", "notes: {path: notes}", None),
        (
            "salesforce",
            "Contct: {}",
            "; did you mean 'Contact'? One of your own needs 'properties'",
        ),
        ("salesforce", "Contct: {properties: [Name]}", None),
        ("attio-v2", "investors: {}", None),
        ("pocketbase", "customers: {}", None),
    ],
)
def test_an_object_that_the_preset_cannot_read_is_told_with_what_may_be_meant(
    load, preset, object_, told
):
    text = (
        f"version: 1\nsources:\n  crm:\n    type: rest\n    extends: {preset}\n"
        f"    base_url: https://crm.example.com\n    authentication: {{type: none}}\n"
        f"    objects: {{{object_}}}\n"
    )
    if told is None:
        assert load(text).definitions.sources
        return
    (problem,) = problems(load, text)
    name = object_.partition(":")[0]
    start = f"8:15: sources.crm.objects.{name}: the preset '{preset}' has no such object"
    assert problem.startswith(f"{start}{told}")


def test_a_password_may_be_none_where_the_key_is_the_user_name(load):
    """Close and others want it so; the one text that stands in a file for a secret is empty."""
    found = load(
        "version: 1\nsources:\n  crm:\n    type: rest\n    base_url: https://crm.example.com\n"
        '    authentication: {type: basic, username: {env: CRM_TOKEN}, password: ""}\n'
        "    objects: {lead: {}}\n"
    )
    authorization = fixed(found.definitions.sources["crm"].authentication, Tls(), None)

    assert found.document["sources"]["crm"]["authentication"]["password"] == ""
    assert found.warnings == ()
    ((name, value),) = asyncio.run(authorization.authorize(NOW)).headers
    assert (name, b64decode(value.removeprefix("Basic "))) == (
        "authorization",
        b"a-token-of-the-crm:",
    )


@pytest.mark.parametrize("name", catalogue.names())
def test_a_preset_that_was_shipped_never_changes(name):
    """A correction has a new name: once a release has a preset, its digest here stays."""
    content = json.dumps(catalogue.find(name).source, sort_keys=True).encode()

    assert DIGESTS[name] == hashlib.sha256(content).hexdigest()[:12]
