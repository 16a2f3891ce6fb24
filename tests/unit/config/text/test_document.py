"""A document: its values, where each stands, and which texts are none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config import bounded_read
from webhookd.config.text import document, limits

if TYPE_CHECKING:
    from webhookd.config.text.document import Document


def parsed(content: str | bytes) -> Document:
    raw = content if isinstance(content, bytes) else content.encode()
    return document.parse(raw, file="c.yaml", folder=Path())


def only_problem(content: str | bytes) -> str:
    (problem,) = parsed(content).problems
    return str(problem)


# --- places ---

KEYS = st.text("abcdefghij", min_size=1, max_size=4)
VALUES = st.recursive(
    st.sampled_from(["text", "0", "true", "'quoted'", '"ü\\u2028"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


class Writer:
    """Writes values as YAML, in flow or in block style, and notes where each one stands."""

    def __init__(self, flow: bool) -> None:
        self.flow = flow
        self.lines = [""]
        self.places: dict[tuple, tuple[int, int]] = {}

    def here(self, steps: tuple) -> None:
        """Note that the next character begins the value at *steps*."""
        self.places[steps] = (len(self.lines), len(self.lines[-1]) + 1)

    def write(self, value: object, steps: tuple = (), indent: int = 0) -> None:
        """Write *value*, containers over several lines."""
        if self.flow or not isinstance(value, (dict, list)) or not value:
            self.here(steps)
            self.in_flow(value, steps)
            return
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for number, (step, item) in enumerate(pairs):
            self.lines.append(" " * indent)
            if number == 0:
                self.here(steps)
            self.lines[-1] += f"{step}: " if isinstance(value, dict) else "- "
            self.write(item, (*steps, step), indent + 2)

    def in_flow(self, value: object, steps: tuple) -> None:
        """Write *value* on the line that was begun."""
        if not isinstance(value, (dict, list)):
            self.lines[-1] += str(value)
            return
        self.lines[-1] += "{" if isinstance(value, dict) else "["
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in pairs:
            self.lines[-1] += f"{step}:   " if isinstance(value, dict) else ""
            self.here((*steps, step))
            self.in_flow(item, (*steps, step))
            self.lines[-1] += ","
        self.lines[-1] += "}" if isinstance(value, dict) else "]"


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.booleans())
def test_every_value_knows_the_place_where_it_was_written(values, flow):
    writer = Writer(flow)
    writer.write(values)

    read = parsed("\n".join(writer.lines))

    assert read.problems == ()
    del writer.places[()]
    assert {steps: read.place(steps) for steps in writer.places} == writer.places


def test_a_key_has_its_own_place_and_a_way_that_leads_nowhere_gives_the_last_place():
    read = parsed("a:\n  b:   5\n")

    assert read.place(("a", "b"), at_key=True) == (2, 3)
    assert read.place(("a", "b")) == (2, 8)
    assert read.place(("a", "b", "c", 0)) == (2, 8)
    assert read.place(("x",)) == (1, 1)
    assert str(read.problem(("a", "b"), "is wrong")) == "c.yaml:2:8: a.b: is wrong"


def test_columns_count_characters_and_a_mark_of_byte_order_is_none():
    read = parsed(b"\xef\xbb\xbf" + "ü: {é: 1}".encode())

    assert read.place(("ü", "é")) == (1, 8)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_as_editors_say(newline):
    assert parsed(newline.join(["a: 1", "b: 2", "c: 3"])).place(("c",)) == (3, 4)
    assert only_problem(newline.join(["a: 1", "b: \x07"]).encode()).startswith("c.yaml:2:4: ")


def test_what_an_alias_brings_stands_where_it_was_written():
    read = parsed("x-a: &a {b: 1}\nc: *a\n")

    assert read.data == {"x-a": {"b": 1}, "c": {"b": 1}}
    assert read.place(("c",)) == (2, 4)
    assert read.place(("c", "b")) == (1, 13)


# --- what is no text ---


def test_bad_utf8_is_named_with_its_place():
    assert only_problem(b"a: 1\nb: \xc3\xbc\xff") == "c.yaml:2:5: byte 0xFF is not UTF-8"


def test_utf16_is_told_from_bad_utf8():
    assert "UTF-16" in only_problem("a: 1".encode("utf-16"))


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ufeff", "\uffff"])
def test_control_characters_are_refused_with_their_place(character):
    assert only_problem(f"a: b{character}") == (
        f"c.yaml:1:5: the control character U+{ord(character):04X} is not allowed"
    )


def test_a_line_separator_is_refused_because_places_after_it_would_be_wrong():
    assert only_problem("a: b\u2028c").startswith("c.yaml:1:5: the line separator U+2028")


def test_a_file_of_more_than_16_mib_is_refused_and_not_read_to_its_end(tmp_path):
    path = tmp_path / "c.yaml"
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)

    read = document.read(path, name="c.yaml")

    assert read.data is None
    assert [str(problem) for problem in read.problems] == [
        "c.yaml: cannot be read: it is larger than 16 MiB"
    ]
    assert limits.LARGEST == 16 * 1024 * 1024


def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(bounded_read.UnreadableError, match="not a regular file"):
        bounded_read.read(tmp_path / "pipe", largest=10)


# --- monsters ---


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? ", "[{a: "])
def test_two_hundred_thousand_openings_do_not_crash_the_parser(opening):
    assert parsed(opening * 200_000).data is None


def test_64_levels_are_taken_and_65_are_not():
    def nested(levels):
        return "a: " + "[" * levels + "]" * levels

    assert parsed(nested(63)).problems == ()
    assert only_problem(nested(64)) == "c.yaml:1:67: this is nested deeper than 64 levels"


def test_aliases_do_not_nest_deeper_than_64_levels_either():
    chain = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100))]

    assert only_problem("\n".join(chain)).endswith("nesting is deeper than 64 levels")


@pytest.mark.parametrize("use", ["", "\nuse: *a9\n"])
def test_an_alias_bomb_is_refused_used_or_not(use):
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    assert "the aliases of this file add up to far more" in only_problem("\n".join(lines) + use)


def test_a_thousand_uses_of_one_block_are_no_bomb():
    block = "x-a: &a {a: 1, b: 2, c: [1, 2, 3, 4, 5, 6]}\n"

    assert parsed(block + "\n".join(f"k{n}: *a" for n in range(5000))).problems == ()


def test_a_file_of_nothing_but_duplicates_gives_up_at_ten_thousand_problems():
    problems = parsed("a: 1\n" * 20_000).problems

    assert len(problems) == limits.MOST_PROBLEMS + 1
    assert problems[-1].message == "this file has more than 10000 problems"


@given(st.text("[]{}:,&*!|>'\"%@`#?- \n\tab01~<", max_size=60) | st.text(max_size=40))
def test_whatever_the_text_is_it_gives_a_document(content):
    read = parsed(content.encode("utf-8", "surrogatepass"))

    assert read.data is not None or read.problems


# --- YAML 1.2 core ---


def test_keys_are_text_whatever_they_look_like():
    read = parsed("1234567: a\ntrue: b\n~: c\n010: d\n1.0: e\n'<<': f\n")

    assert list(read.data or {}) == ["1234567", "true", "~", "010", "1.0", "<<"]
    assert read.problems == ()


def test_the_first_of_two_equal_keys_counts_and_both_places_are_named():
    read = parsed("a: 1\nb: {c: 1,\n  c: 2}\n")

    assert read.data == {"a": 1, "b": {"c": 1}}
    assert [str(problem) for problem in read.problems] == [
        "c.yaml:3:3: b.c: this key is there already, at line 2, column 5"
    ]


def test_problems_that_leave_the_values_whole_do_not_hide_one_another():
    read = parsed("a: 010\na: 1\nb: !tag 1\nc: *nowhere\n<<: {}\n")

    assert [problem.line for problem in read.problems] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 5", 5),
        ("!!float 5", 5),
        ("!!bool true", True),
        ("!!null ~", None),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
        ("'yes'", "yes"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_the_tags_of_the_core_schema_are_known(written, value):
    read = parsed(f"a: {written}")

    assert (read.data, read.problems) == ({"a": value}, ())
