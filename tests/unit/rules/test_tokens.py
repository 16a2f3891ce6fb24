"""Words in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import processor
from webhookd.rules.tokens import containing

WORDS = st.text("abcäß日1", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("gmbh", "Acme GmbH"),
        ("GMBH", "acme-gmbh & co"),
        ("müller", "MÜLLER AG"),
        ("müller", "Mu\u0308ller AG"),
        ("strasse", "Lange Straße 1"),
        ("gm*", "Acme GmbH"),
        ("*bh", "Acme GmbH"),
        ("*mb*", "Acme GmbH"),
        ("gmbh*", "Acme GmbH"),
        ("*@example.com", "ada@example.com"),
        ("ada@*", "ada@example.com"),
        ("acme gmbh", "The Acme, GmbH"),
        ("*", "x"),
        ("東京", "東京 都"),
        ("a", "b_a_c"),
    ],
)
def test_a_token_is_found(wanted, text):
    assert containing(wanted)(text)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("gmbh", "Acme GmbHs"),
        ("gmbh", "xgmbh"),
        ("mb", "GmbH"),
        ("gm*", "agmbh"),
        ("*bh", "gmbhx"),
        ("*@example.com", "ada@notexample.com"),
        ("acme gmbh", "Acme Holding GmbH"),
        ("*", "--- !"),
        ("---", "a---b"),
        (".*", "--"),
        ("a.c", "abc"),
    ],
)
def test_what_is_no_whole_token_is_not_found(wanted, text):
    assert not containing(wanted)(text)


@given(st.lists(WORDS, min_size=1), WORDS)
def test_a_word_is_found_among_words_just_when_it_is_one_of_them(words, wanted):
    folded = [word.casefold() for word in words]

    assert containing(wanted)(" ".join(words)) == (wanted.casefold() in folded)


@given(st.text(), st.text())
def test_no_text_breaks_the_search(wanted, text):
    assert containing(wanted)(text) in {True, False}


@processor.at_most(10)
def test_a_long_text_is_searched_in_no_time():
    assert not containing("a b c")("a - " * 100_000)
    assert not containing("a" * 50 + "*b")("a" * 500_000)
