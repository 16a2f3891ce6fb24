"""A filter is the same question as an address, for the admin API, and as a command."""

import shlex
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.console import charts, showing
from webhookd.console.charts import Mark
from webhookd.console.forms import BadFormError, parsed
from webhookd.console.question import FIELDS, Question

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def question(**given):
    return Question.read(lambda name: given.get(name, ""))


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("2h", "2026-11-27T10:00:00+00:00"),
        ("3d", "2026-11-24T12:00:00+00:00"),
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T12:00:00+02:00"),
    ],
)
def test_a_time_is_a_length_before_now_or_a_moment(typed, asked):
    assert question(since=typed).asked(NOW) == {"since": asked}


@pytest.mark.parametrize("given", [{"since": "yesterday"}, {"until": "-1h"}, {"state": "lost"}])
def test_what_cannot_be_read_is_said(given):
    with pytest.raises(ValueError, match="is no"):
        question(**given).asked(NOW)


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(min_size=1, max_size=30)))
def test_its_command_says_the_same_whatever_was_typed(given):
    words = shlex.split(question(**given).command())

    assert words[:3] == ["webhookd", "deliveries", "list"]
    pairs = zip(words[3::2], words[4::2], strict=True)
    names = {"record": "record_id"}
    assert {names.get(name[2:], name[2:]): value for name, value in pairs} == given


def test_a_changed_field_leaves_the_others():
    assert question(webhook="a", state="failed").but(state="", peek="1") == {
        "webhook": "a",
        "peek": "1",
    }


@given(st.binary(max_size=300))
def test_a_form_is_read_or_refused(content):
    try:
        form = parsed(content)
    except BadFormError:
        return
    assert all(isinstance(name, str) for name, _ in form.pairs)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_indented_json_is_the_same_json(value):
    text = showing.json.dumps(value)

    assert showing.json.loads(showing.indented(text)) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a":1.10,"b":[],"c":{}}', '{\n  "a": 1.10,\n  "b": [],\n  "c": {}\n}'),
        ("[1,[2]]", "[\n  1,\n  [\n    2\n  ]\n]"),
        ('"a, {b}"', '"a, {b}"'),
        ("{not json", "{not json"),
        ("12345678901234567890.10", "12345678901234567890.10"),
    ],
)
def test_numbers_in_indented_json_stay_as_they_were_written(text, shown):
    assert showing.indented(text) == shown


@given(st.lists(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), max_size=5))  # noqa: DTZ001
def test_a_time_line_is_numbers_whatever_the_times(times):
    marks = [Mark(one.replace(tzinfo=UTC), is_good=True) for one in times]

    svg = str(charts.time_line(NOW, [*marks, Mark(NOW, is_next=True)], NOW))

    assert svg.startswith("<svg")
    assert "nan" not in svg
    assert "inf" not in svg
