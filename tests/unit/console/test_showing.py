"""What is shown of data is harmless, and says times and numbers as people do."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.console import rendering, showing

NOW = datetime(2026, 11, 27, 9, 14, 27, tzinfo=UTC)


@given(st.text(st.characters()))
def test_nothing_hides_or_turns_the_direction_of_what_follows(text):
    shown = showing.plain(text)

    shown.encode()
    kinds = {unicodedata.category(one) for one in shown} - {"Cc"}
    assert kinds.isdisjoint({"Cs", "Zl", "Zp"})
    assert {one for one in shown if unicodedata.category(one) == "Cc"} <= {"\n", "\t"}
    assert not {unicodedata.bidirectional(one) for one in shown} & {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
    }
    assert showing.plain(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Łódź Węgiel sp. z o.o.", "Łódź Węgiel sp. z o.o."),
        ("عربى", "عربى"),
        ("a\u202eb", "a\\u202eb"),
        ("a\x00b", "a\\u0000b"),
        ("a\u2028b", "a\\u2028b"),
        ("a\ud800b", "a\\ud800b"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\\u000db"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_what_is_written_out(text, shown):
    assert showing.plain(text) == shown


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-0.4, "now"), (-12, "12 s ago"), (-119, "119 s ago"), (-150, "2 m ago"), (7300, "in 2 h")],
)
def test_times_are_told_from_now(seconds, told):
    assert showing.ago(NOW + timedelta(seconds=seconds), NOW) == told


@pytest.mark.parametrize(
    ("value", "told"), [(0, "0"), (3172, "3,172"), (71.14, "71.1"), (412.6, "413"), (2.0, "2")]
)
def test_numbers_are_told_as_the_command_line_tells_them(value, told):
    assert showing.number(value) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (5 << 30, "5.0 GiB")],
)
def test_sizes_are_told_in_their_largest_unit(count, told):
    assert showing.size(count) == told


def test_every_template_can_be_read():
    environment = rendering._environment()

    for name in environment.list_templates():
        environment.get_template(name)


@given(st.text(st.characters(), max_size=40))
def test_a_value_never_becomes_markup(text):
    html = rendering.render(
        "refused.html",
        section="",
        head=None,
        is_fragment=True,
        now=NOW,
        role="viewer",
        may_act=False,
        person="x",
        form_token="t",
        here="/",
        notice="",
        title="T",
        text=text,
        problems=[],
    )

    body = html.partition("<p>")[2].partition("</p>")[0]
    assert not set(body) & set("<>\"'")
    html.encode()
