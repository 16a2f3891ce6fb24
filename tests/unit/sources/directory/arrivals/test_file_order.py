"""The order in which files are taken."""

from __future__ import annotations

import os
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.sources.directory.arrivals.file_order import by_name, in_order

ANY_NAME = st.one_of(
    st.binary(min_size=1, max_size=255).map(os.fsdecode),
    st.text(alphabet="ab01-. ()", min_size=1, max_size=12),
)

IN_ORDER = {
    "the second export of a day": ("export-27.csv", "export-27-1.csv", "export-27-2.csv"),
    "from one to ten": ("export-27-1.csv", "export-27-9.csv", "export-27-10.csv"),
    "behind the format": ("x.csv.bak", "x-1.csv.bak", "x-2.json.pgp", "x-10.txt.GZ"),
    "no suffix": ("part-9", "part-10"),
    "a browser's copies": ("x.csv", "x (1).csv", "x (2).csv", "x (10).csv"),
    "copies of other systems": ("x.csv", "x - Copy.csv"),
    "packed beside plain": ("export-27.csv.gz", "export-27-1.csv"),
    "plain beside packed": ("export-27.csv", "export-27-1.csv.gz"),
    "zip": ("export-9.csv.zip", "export-10.json"),
    "upper case": ("EXPORT-9.CSV.GZ", "EXPORT-10.CSV"),
    "another suffix": ("export-9.dat", "export-9-1.dat", "export-10.txt"),
    "dates": ("2025-12-31.csv", "2026-01-01.csv", "2026-01-01-1.csv", "2026-01-02.csv"),
    "dates without dashes": ("x-20251231.csv", "x-20260101.csv", "x-20260101_2.csv"),
    "dates with dots": ("x.2026.1.9.csv", "x.2026.1.10.csv"),
    "times": ("2026-01-01.csv", "2026-01-01T09-59-59Z.csv", "2026-01-01T10-00-00Z.csv"),
    "months without zeros": ("2026-2.csv", "2026-11.csv"),
    "zeros in front": ("part-009.csv", "part-10.csv"),
    "longer than any integer": (f"p{9 * 10**99}.csv", f"p{10**100}.csv", f"p{10**200}.csv"),
    "versions": ("v1.9.csv", "v1.10.csv"),
    "versions without a suffix": ("report.v9", "report.v9-1", "report.v10"),
    "turned log files": ("x.csv", "x.csv.1", "x.csv.2", "x.csv.10"),
    "what stood in done/": ("x.csv", "x.csv~2", "x.csv~10"),
    "a continuation by a word": ("export.csv", "export-late.csv", "export1.csv"),
    "suffixes alone": ("x.csv", "x.csv.gz", "x.json"),
    "a dot and nothing": ("x", "x.", "x..csv"),
    "UUIDs of version 7": (
        "0190a1b2-9c10-7abc-8def-0123456789ab.json",
        "0190a1b2-9c9a-7abc-8def-0123456789ab.json",
        "0190a1b2-a000-7abc-8def-0123456789ab.json",
    ),
    "ULIDs": ("x-01J10ZK3V7QWERTYPASDFGHJKM.csv", "x-01J9AZK3V7QWERTYPASDFGHJKM.csv"),
    "ObjectIds": ("65a10fc2b3d4e5f601234567.json", "65a9fac2b3d4e5f601234567.json"),
}


@pytest.mark.parametrize("case", IN_ORDER)
def test_names_are_in_the_order_in_which_people_read_them(case):
    for before, after in pairwise(IN_ORDER[case]):
        assert by_name(before) < by_name(after), (before, after)


@given(found=st.lists(ANY_NAME, unique=True, min_size=2, max_size=5))
def test_the_order_does_not_depend_on_how_names_were_found(found, tmp_path_factory):
    orders = {tuple(sorted(one, key=by_name)) for one in permutations(found)}

    assert len(orders) == 1


@given(name=ANY_NAME.filter(lambda name: "." not in name), more=st.text("ab01-_ ()", min_size=1))
def test_a_name_stands_before_its_continuation(name, more):
    if not (name[-1:].isdigit() and more[0].isdigit()):
        assert by_name(f"{name}.csv") < by_name(f"{name}{more}.csv")


def test_by_modified_the_older_file_is_first_and_names_decide_between_equals(tmp_path):
    for name, at in (("a10", 1), ("a9", 1), ("b", 0), ("c.csv", 2)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, ns=(0, 10**18 + at))

    found = in_order(tmp_path, ("c.csv", "a10", "a9", "b", "gone"), "modified")

    assert found == ["b", "a9", "a10", "c.csv"]
