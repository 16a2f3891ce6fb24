"""A webhook's values as text: read again, they are what was written."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from webhookd.config import loading
from webhookd.config.drafts import emission, written_draft
from webhookd.config.text import document

EXAMPLE = loading.load(
    Path(__file__).parents[4] / "config.example.yaml", environment={}, offline=True
)
# Whatever a file may hold: no control characters.
CHARACTERS = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff"
)
NAMES = st.text(CHARACTERS, min_size=1, max_size=20)
SCALARS = (
    NAMES
    | st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "null", "~", "yes", "010", "1_000", "1e3", "0x1F", "- a", "a: b", "a #b"]
    )
    | st.sampled_from(["30s", "20/s", "2xx", "{{ a }}", "&a", "*a", "!a", "%a", "@a", "`a`", "a\n"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
)


@given(NAMES, st.dictionaries(NAMES, VALUES, max_size=6))
@example("w", {"request": {"url": "https://a.example/?a=b", "headers": {"X": "a, b"}}})
@example("w", {"trigger": {"when": [{"not": {"any": [{"all": [{"property": "a" * 90}]}]}}]}})
def test_what_is_written_is_read_again(name, webhook):
    text = emission.written(name, webhook)

    read = document.parse(text.encode(), file="f", folder=Path())

    assert read.problems == (), text
    assert read.data == {"webhooks": {name: webhook}}
    # And by readers that know nothing of this one.
    yaml.safe_load(text)


def test_texts_that_readers_differ_about_are_quoted():
    words = ["yes", "No", "on", "1:30", "2026-03-01", "0x1F", "1_000", "null", "=", "<<"]

    text = emission.written("w", {"headers": {f"h{n}": word for n, word in enumerate(words)}})

    assert list(yaml.safe_load(text)["webhooks"]["w"]["headers"].values()) == words


@pytest.mark.parametrize("name", EXAMPLE.document["webhooks"])
def test_a_definition_with_every_default_is_written_without(name):
    definition = json.loads(json.dumps(EXAMPLE.document["webhooks"][name]))

    bare = written_draft.webhook_of(name, None, definition)

    assert "null" not in emission.written(name, bare)
    assert "enabled" not in bare


def test_the_lines_of_a_file_are_taken_as_they_are_where_they_stand_alone():
    (file,) = EXAMPLE.written
    lines = file.lines(*file.webhooks["price-changed"])

    found = written_draft.webhook_of("price-changed", lines, {})

    assert found["request"]["query"]["static"] == {"origin": "crm"}
    assert written_draft.webhook_of("w", "webhooks: {w: {source: a}}\n", {}) == {"source": "a"}
    assert written_draft.webhook_of("w", "  w: {source: *a}\n", {"source": "b"}) == {"source": "b"}
    assert written_draft.webhook_of("w", None, None) is None


@pytest.mark.parametrize(
    ("text", "told"), [("a: [", "line 2"), ("[a]", "line 1"), ("a: 1\na: 2", "line 2")]
)
def test_a_text_that_is_no_map_is_told(text, told):
    assert written_draft.keys_of(text)[1].startswith(told)
