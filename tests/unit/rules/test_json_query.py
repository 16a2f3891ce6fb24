"""Expressions over JSON whose numbers stay as they were written."""

from __future__ import annotations

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.rules.exact_numbers import ExactNumber as N
from webhookd.rules.json_query import Query, QueryError
from webhookd.rules.query_functions import ExactFunctions, written

LONG = "12345678901234567890123"
ROW = {
    "price": N("1.10"),
    "id": N(LONG),
    "zero": N("0"),
    "debt": N("-2.50"),
    "name": "Ada",
    "tags": ["b", "a"],
    "numbers": [N("1.10"), N("3"), N("2.05")],
    "lines": [{"n": N("2.0"), "k": "x"}, {"n": N("1.0"), "k": "y"}],
    "none": None,
    "yes": True,
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("price", "1.10"),
        ("id", LONG),
        ("[price, id]", f"[1.10,{LONG}]"),
        ("to_number(price)", "1.10"),
        ("to_number('1.10')", "1.10"),
        ("to_number('one')", "null"),
        ("to_number(name)", "null"),
        ("to_number(yes)", "null"),
        ("to_string(price)", '"1.10"'),
        ("to_string(numbers)", '"[1.10,3,2.05]"'),
        ("to_string(name)", '"Ada"'),
        ("abs(debt)", "2.50"),
        ("abs(price)", "1.10"),
        ("avg(numbers)", "2.05"),
        ("avg(`[]`)", "null"),
        ("ceil(price)", "2"),
        ("floor(debt)", "-3"),
        ("contains(numbers, `3`)", "true"),
        ("contains(name, 'd')", "true"),
        ("ends_with(name, 'a')", "true"),
        ("starts_with(name, 'A')", "true"),
        ("join('-', tags)", '"b-a"'),
        ("keys({a: price})", '["a"]'),
        ("values({a: price})", "[1.10]"),
        ("length(numbers)", "3"),
        ("map(&n, lines)", "[2.0,1.0]"),
        ("max(numbers)", "3"),
        ("min(numbers)", "1.10"),
        ("max_by(lines, &n).k", '"x"'),
        ("min_by(lines, &n).k", '"y"'),
        ("merge({a: price}, {b: zero})", '{"a":1.10,"b":0}'),
        ("not_null(none, price)", "1.10"),
        ("reverse(numbers)", "[2.05,3,1.10]"),
        ("sort(numbers)", "[1.10,2.05,3]"),
        ("sort(tags)", '["a","b"]'),
        ("sort_by(lines, &n)[].n", "[1.0,2.0]"),
        ("sum(numbers)", "6.15"),
        ("sum([id, id])", str(2 * int(LONG))),
        ("to_array(price)", "[1.10]"),
        ("type(price)", '"number"'),
        ("type(none)", '"null"'),
        ("type(yes)", '"boolean"'),
        ("price == `1.1`", "true"),
        ("price < `2`", "true"),
        ("price > name", "null"),
        ("numbers[?@ > `2`]", "[3,2.05]"),
        ("!zero", "false"),
        ("zero || name", "0"),
        ("'1'", '"1"'),
        ("`1.5`", "1.5"),
        ('`{"a": [1, true]}`', '{"a":[1,true]}'),
    ],
)
def test_every_function_and_comparison_keeps_numbers_as_written(text, found):
    assert written(Query(text).find(ROW)) == found


def test_that_is_every_function():
    tried = " ".join(
        mark.args[1][index][0]
        for mark in test_every_function_and_comparison_keeps_numbers_as_written.pytestmark
        for index in range(len(mark.args[1]))
    )

    assert [name for name in ExactFunctions.FUNCTION_TABLE if f"{name}(" not in tried] == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("@odata.nextLink", "'\"@odata.nextLink\"'"),
        ("foo-bar", "'\"foo-bar\"'"),
        ("a.$deleted", "character 3"),
        ("a[", "ends too early"),
        ("a..b", "character 3"),
        ("'open", "character 1"),
        ("", "cannot be empty"),
        ("lenght(a)", "did you mean length()?"),
        ("length(a, b)", "takes 1 arguments, not 2"),
        ("merge()", "at least 1"),
        ("`NaN`", "no JSON number"),
        ("a" * 5000, "at most 4000"),
        ("!" * 3000 + "a", "too deep"),
    ],
)
def test_what_is_no_expression_is_told_with_its_place(text, part):
    with pytest.raises(QueryError, match=r"(?s).*") as refused:
        Query(text)

    assert part in str(refused.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [("sum(tags)", "sum() takes array-number"), ("join(',', numbers)", "join()")],
)
def test_what_breaks_over_a_row_says_why(text, part):
    with pytest.raises(QueryError, match=part.replace("(", r"\(").replace(")", r"\)")):
        Query(text).find(ROW)


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1E+99999999999999999999", "1e400"])
def test_a_number_beyond_all_reckoning_keeps_its_text(number):
    value = {"a": N(number), "b": N("1")}

    assert written(Query("a").find(value)) == number
    assert Query("a > b").find(value) is not number.startswith("-")
    assert written(Query("floor(b)").find(value)) == "1"


NAMES = st.sampled_from(["a", "b", "c d"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.integers(-9, 9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)
STEPS = st.one_of(NAMES.map(lambda name: f'."{name}"'), st.integers(-3, 3).map(lambda n: f"[{n}]"))


@given(VALUES, st.lists(STEPS, min_size=1, max_size=4))
def test_a_plain_path_finds_what_the_library_finds(value, steps):
    text = "".join(steps).removeprefix(".")
    query = Query(text)

    assert query.path is not None
    assert query.find(value) == jmespath.search(text, value)


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("id", ("id",)),
        ("id.record_id", ("id",)),
        ("emails[0].value", ("emails",)),
        ("emails[?primary].value | [0]", ("emails",)),
        ("lines[].k", ("lines",)),
        ("status == 'deleted' || gone", ("status", "gone")),
        ("contains(\"@odata.context\" || '', 'x')", ("@odata.context",)),
        ("{a: b.c, d: e}", ("b", "e")),
        ("people.*.name", ("people",)),
        ("sort_by(lines, &k)[0].n", ("lines",)),
        ("@", ()),
    ],
)
def test_the_members_that_an_expression_looks_at_are_known(text, roots):
    assert Query(text).roots == roots
