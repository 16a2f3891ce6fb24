"""Pages of a list: asked for one at a time, taken apart, and what leads on from each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from webhookd import telemetry
from webhookd.rules.json_query import Query, QueryError
from webhookd.sources.polling.api_client import LARGE
from webhookd.sources.rest.answers import links
from webhookd.sources.rest.answers.rest_rows import NAMELESS, Row
from webhookd.sources.rest.answers.shapes import kind, shape
from webhookd.sources.rest.asking import leads
from webhookd.sources.rest.rest_cursor import MOST_EMPTY, MOST_PAGES, START, Place
from webhookd.sources.threads import in_thread
from webhookd.telemetry.events import MoreUnread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.rules.placeholders import Value
    from webhookd.sources.polling.answer_json import ExactAnswer
    from webhookd.sources.polling.api_client import ApiAnswer
    from webhookd.sources.polling.left_out import BadRecord, LeftOut
    from webhookd.sources.rest.answers.rest_rows import RowReader
    from webhookd.sources.rest.asking.composed_requests import Asked, Composed
    from webhookd.sources.rest.asking.named_keys import Keys
    from webhookd.sources.rest.asking.rest_api import Api

_LEADS: Final = ("next", "@odata.nextLink", "nextRecordsUrl", "has_more", "next_page")
"""Members of answers that announce another page, whether or not the definition reads them."""


_NOT_MODIFIED: Final = 304


@dataclass(frozen=True, slots=True)
class Page:
    """What one request found. *count* counts all rows, bad ones too; *first* is one as it came.

    *following* leads to the next page, None behind the last one. *is_short*: there may be none,
    since this page has fewer rows than it may. *token* is what the answer has to ask with next
    time; *lack* says why it is None, where answers have one. *is_expired*: what was asked with is
    none any more. *is_unchanged*: the list is as it was, and not in the answer. *headers* are those
    of the answer, by small names.
    """

    rows: tuple[Row, ...] = ()
    bad: tuple[BadRecord, ...] = ()
    count: int = 0
    following: Place | None = None
    is_short: bool = False
    date: datetime | None = None
    first: Any = None
    token: str | None = None
    lack: str = ""
    is_expired: bool = False
    is_unchanged: bool = False
    headers: Mapping[str, str] | None = None

    @property
    def ids(self) -> frozenset[str]:
        """Return the ids of the rows that have one."""
        return frozenset(row.id for row in self.rows)


class ListReader:
    """Reads the pages of one list. Every page may raise PollError.

    *records* are expressions that find the rows of a page, *ok* one that must hold in each answer.
    *token* is where an answer has what to ask with next time.
    """

    def __init__(
        self,
        api: Api,
        request: Composed,
        rows: RowReader,
        left_out: LeftOut,
        keys: Keys,
        *,
        records: tuple[str, ...],
        ok: str | None = None,
        token: leads.Lead | None = None,
    ) -> None:
        self.request = request
        self.keys = keys
        self._api = api
        self._rows = rows
        self._left_out = left_out
        self._records = [Query(one) for one in records]
        self._ok = None if ok is None else Query(ok)
        paging = request.paging
        self._more = None if paging.more is None else Query(paging.more)
        self._next = leads.of_paging(paging)
        self._token = token
        self._first_ids: frozenset[str] = frozenset()
        self._before: tuple[int, Page] | None = None
        self._is_told = False

    async def page(
        self,
        values: Mapping[str, Value | None],
        place: Place = START,
        *,
        link: str | None = None,
        expired: tuple[int, ...] = (),
        condition: tuple[str, str] | None = None,
    ) -> Page:
        """Return the page at *place*, with *values* in the request.

        *link* leads to the first page; None: the request does. Statuses that are *expired* mean
        that what is asked with is none any more. *condition* is a header, by which the page may be
        unchanged.
        """
        paging = self.request.paging
        asked = self._asked(values, place)
        if link is not None and place.next is None:
            asked = replace(asked, target=link)
        if condition is not None:
            asked = replace(asked, headers=(*asked.headers, condition))
        past_end = paging.behind_the_end if place.number else ()
        answer = await self._api.call(asked, accept=(*past_end, *expired))
        if answer.status in expired:
            return Page(date=answer.date, is_expired=True)
        if condition is not None and answer.status == _NOT_MODIFIED:
            return Page(date=answer.date, is_unchanged=True)
        if answer.status in past_end or answer.is_empty:
            return Page(date=answer.date)
        exact: ExactAnswer = answer.content
        if answer.size <= LARGE:
            page = self._taken_apart(exact, asked, answer, place)
        else:
            page = await in_thread(lambda: self._taken_apart(exact, asked, answer, place))
        self._check(page, place)
        self._left_out.note(page.bad)
        return page

    def digest(self, values: Mapping[str, Value | None]) -> str:
        """Return a digest of the request for the first page."""
        asked = self._asked(values, START)
        told = repr((asked.method, asked.target, asked.headers, asked.content))
        return sha256(told.encode()).hexdigest()[:16]

    def _asked(self, values: Mapping[str, Value | None], place: Place) -> Asked:
        paging = self.request.paging
        filled = {
            "limit": paging.limit,
            "page": paging.first + place.number if paging.by == "page" else None,
            "offset": place.offset if paging.by == "offset" else None,
            "cursor": place.next if paging.by == "cursor" else None,
            **values,
        }
        asked = self._api.asked(self.request, filled)
        if paging.by == "link" and place.next is not None:
            return replace(asked, target=place.next)
        return asked

    def _taken_apart(
        self, exact: ExactAnswer, asked: Asked, answer: ApiAnswer, place: Place
    ) -> Page:
        value = exact.value
        if self._ok is not None:
            found = self._found(self._ok, value, "ok", own=False)
            if not found and not isinstance(found, Decimal):
                why = f"the API says that it went wrong: {found!r:.60}"
                raise self.keys.wrong("ok", why, own=False)
        given = [one for query in self._records for one in self._listed(query, value)]
        rows: list[Row] = []
        bad: list[BadRecord] = []
        for one in given:
            row = self._rows.row(one, is_deep=exact.is_deep)
            (rows if isinstance(row, Row) else bad).append(row)  # type: ignore[arg-type]
        if given and not rows and all(one.id == NAMELESS for one in bad):
            raise self.keys.wrong("id", f"no row has one; the first: {bad[0].reason}")
        following, is_short = self._following(value, asked, answer, place, len(given))
        if self.request.paging.by == "none":
            self._tell_more(value, answer, len(given))
        token, lack = self._token, ""
        found = None
        if token is not None:
            found = token.find(value, asked, answer, self._api, self.keys)
            lack = token.lack(value) if found is None else ""
        return Page(
            tuple(rows),
            tuple(bad),
            len(given),
            following,
            is_short=is_short,
            date=answer.date,
            first=given[0] if given else None,
            token=found,
            lack=lack,
            headers=answer.headers,
        )

    def _listed(self, query: Query, value: Any) -> list[Any]:
        found = self._found(query, value, "records")
        if isinstance(found, list):
            return found
        if found is None:
            raise self.keys.wrong(
                "records", f"{query.text!r} finds nothing in the answer, {shape(value)}"
            )
        raise self.keys.wrong(
            "records",
            f"{query.text!r} finds {kind(found)} and no list in the answer, {shape(value)}",
        )

    def _following(
        self, value: Any, asked: Asked, answer: ApiAnswer, place: Place, count: int
    ) -> tuple[Place | None, bool]:
        """Return what leads to the next page, and whether there is perhaps none."""
        paging = self.request.paging
        if paging.by == "none":
            return None, False
        is_more = self._more is None or bool(self._found(self._more, value, "paging.more"))
        if paging.by in {"cursor", "link"}:
            leads_on = None
            if is_more:
                leads_on = self._next.find(value, asked, answer, self._api, self.keys)
            if leads_on is None:
                return None, False
            if leads_on in {place.next, place.mark}:
                raise self.keys.wrong("paging", "the pages lead in a circle")
            return place.following(count, leads_on), False
        if not is_more or (count == 0 and self._more is None):
            return None, False
        is_short = self._more is None and paging.limit is not None and count < paging.limit
        return place.following(count), is_short

    def _found(self, query: Query, value: Any, key: str, *, own: bool = True) -> Any:
        try:
            return query.find(value)
        except QueryError as error:
            raise self.keys.wrong(key, f"{query.text!r} breaks: {error}", own=own) from None

    def _check(self, page: Page, place: Place) -> None:
        """Raise a PollError where pages lead nowhere."""
        if place.number == 0:
            self._first_ids = page.ids
        elif place.number == 1 and page.ids and page.ids == self._first_ids:
            what = self.request.paging.by
            raise self.keys.wrong("paging", f"page 2 is page 1 again: is ${{{what}}} read?")
        self._check_limit(page, place)
        if page.following is None:
            return
        if page.following.number >= MOST_PAGES:
            raise self.keys.wrong("paging", f"there are more than {MOST_PAGES:,} pages")
        if page.following.empty >= MOST_EMPTY:
            raise self.keys.wrong("paging", f"{MOST_EMPTY} pages in a row have no row")

    def _check_limit(self, page: Page, place: Place) -> None:
        """Raise a PollError where the API cuts pages short: what is short is not the end then.

        Records that were made meanwhile may follow a short page where pages go by the rows before.
        """
        last, self._before = self._before, (place.number, page)
        if last is None or last[0] + 1 != place.number or not last[1].is_short or not page.count:
            return
        before = last[1]
        paging = self.request.paging
        if paging.by == "page" or page.count >= before.count:
            why = f"the API gives at most {before.count} rows a page, but limit is {paging.limit}"
            raise self.keys.wrong("paging", why)

    async def is_last(self, page: Page, values: Mapping[str, Value | None], short: int) -> bool:
        """Return whether *page* is the last one; what is shorter than it may be is looked at.

        Pages of up to *short* rows were seen to be the last.
        """
        if page.following is None or not page.is_short or page.count <= short:
            return page.following is None or page.is_short
        return not (await self.page(values, page.following)).count

    def _tell_more(self, value: Any, answer: ApiAnswer, count: int) -> None:
        """Warn once where there seems to be more than one page, and no paging is set."""
        limit = self.request.paging.limit
        members = value if isinstance(value, dict) else {}
        sign = next((name for name in _LEADS if members.get(name)), None)
        if sign is None and links.next_of(answer.headers.get("link", "")) is not None:
            sign = "Link: rel=next"
        is_full = limit is not None and count >= limit
        if (sign is not None or is_full) and not self._is_told:
            self._is_told = True
            telemetry.report(
                MoreUnread(self._api.source, self.keys.object, sign, rows=count, is_full=is_full)
            )
