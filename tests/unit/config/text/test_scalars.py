"""Plain scalars: the core schema of YAML 1.2, and what is refused beyond it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.text.scalars import ScalarError, WrittenFloat, json_of, resolve


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "yes",
        "on",
        "off",
        "y",
        "N",
        "2026-03-01",
        "2026-03-01T10:00:00Z",
        "1:30",
        "12:30:45",
        "1.2.3",
        "+",
        "-",
        ".",
        "0b",
        "0x",
        "0bad",
        "1e",
        "e5",
        "_1",
        "tRUE",
        "nUll",
        "10.0.0.0/8",
        "+49 30 1234",
        "1,000",
        "5xx",
        "30s",
        "0.5.0",
        "٣",
    ],
)
def test_text_that_looks_like_something_in_old_yaml_is_text(text):
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("", None),
        ("~", None),
        ("null", None),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("12", 12),
        ("-0", 0),
        ("9" * 300, int("9" * 300)),
        ("1.10", 1.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
    ],
)
def test_the_core_schema_of_yaml_1_2(text, value):
    assert (resolve(text), type(resolve(text)) is bool) == (value, type(value) is bool)


@pytest.mark.parametrize(
    "text",
    [
        "010",
        "-010",
        "00",
        "01.5",
        "1_000",
        "1_0.5",
        "0x1F",
        "0o17",
        "0b1",
        "-0x1",
        ".inf",
        "-.Inf",
        "+.INF",
        ".nan",
        ".NaN",
        "1e999",
        "-1e999",
        "9" * 301,
        "1" * 5000,
    ],
)
def test_what_is_ambiguous_endless_or_too_long_is_refused(text):
    with pytest.raises(ScalarError, match=r"quotes"):
        resolve(text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.10", "1.10"),
        ("-0.0", "-0.0"),
        ("1e3", "1e3"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("+1.5", "1.5"),
    ],
)
def test_a_number_stays_as_it_was_written_where_json_can_write_it_so(written, text):
    assert json_of(WrittenFloat(written)) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_values_become_compact_json(value):
    assert json_of(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(st.text(max_size=30))
def test_whatever_the_text_is_it_is_taken_or_refused(text):
    with contextlib.suppress(ScalarError):
        resolve(text)
