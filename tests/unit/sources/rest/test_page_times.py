"""The time on a page that is written the finest."""

from hypothesis import given
from hypothesis import strategies as st

from webhookd.rules import time_forms
from webhookd.sources.rest.answers.rest_rows import Row
from webhookd.sources.rest.asking.list_pages import Page
from webhookd.sources.rest.detection.page_times import finest

STAMPS = st.sampled_from(
    [
        None,
        "2026-11-28",
        "2026-11-28T10:20Z",
        "2026-11-28T10:20:30Z",
        "2026-11-28T10:20:31Z",
        "2026-11-28 10:20:30.5+01:00",
        "2026-11-28T10:20:30.123Z",
        "2026-11-28T10:20:30.123456Z",
        "1795861230",
        "1795861230123",
        "1795861230.25",
        "Sat, 28 Nov 2026 10:20:30 GMT",
    ]
)


@given(STAMPS, st.lists(STAMPS))
def test_it_is_the_first_of_the_least_unit(sample, stamps):
    page = Page(rows=tuple(Row("1", {}, stamp=stamp) for stamp in stamps))

    found = finest(sample, page)

    told = [one for one in (sample, *stamps) if one is not None]
    assert found == min(told, key=lambda one: time_forms.form_like(one).unit, default=None)
