"""Placeholders in requests: filled as they are, or left out."""

from __future__ import annotations

import pytest

from webhookd.rules.placeholders import (
    LEFT_OUT,
    PlaceholderError,
    Placeholders,
    filled_tree,
    names_in,
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${limit}", 500),
        ("${since}", "2026-01-01"),
        ("updated > '${since}' && n < ${limit}", "updated > '2026-01-01' && n < 500"),
        ("${cursor}", LEFT_OUT),
        ("x${cursor}", LEFT_OUT),
        ("plain", "plain"),
        ("$${limit}", "${limit}"),
        ("$${${limit}}", "${500}"),
        ("$limit {limit} $", "$limit {limit} $"),
        ("", ""),
    ],
)
def test_a_text_is_filled(text, filled):
    values = {"limit": 500, "since": "2026-01-01", "cursor": None}

    assert Placeholders(text).filled(values) == filled


@pytest.mark.parametrize("text", ["${", "a ${limit", "${a{b}}"])
def test_a_placeholder_without_an_end_is_refused(text):
    with pytest.raises(PlaceholderError):
        _ = Placeholders(text).parts


def test_what_has_no_value_is_left_out_with_its_key():
    tree = {"limit": "${limit}", "after": "${cursor}", "sorts": ["${cursor}", {"by": "x"}], "n": 1}

    assert names_in(tree) == {"limit", "cursor"}
    assert filled_tree(tree, {"limit": 5}) == {"limit": 5, "sorts": [{"by": "x"}], "n": 1}
