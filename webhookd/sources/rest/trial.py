"""An object tried against its API, without a daemon: what is asked, what is found, what is proved.

Nothing is written, and at most a few dozen requests are made.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from webhookd.definitions import Tls
from webhookd.rules.json_query import Query, QueryError
from webhookd.rules.query_functions import written
from webhookd.sources.polling.answer_json import decoded_exactly
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.polling.request_budget import Budget
from webhookd.sources.rest import told_properties
from webhookd.sources.rest.answers.rest_rows import several
from webhookd.sources.rest.detection.time_sweeps import Sweeper
from webhookd.sources.rest.detection.token_walks import TokenWalker
from webhookd.sources.rest.detection.unchanged_lists import HEADERS
from webhookd.sources.rest.rest_cursor import START, Sweep
from webhookd.sources.rest.rest_factory import Parts, Way, burst
from webhookd.telemetry.figures import PollFigures

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, RestObject, RestSource
    from webhookd.sources.polling.api_client import ApiTransport
    from webhookd.sources.rest.answers.rest_rows import Row
    from webhookd.sources.rest.asking.list_pages import ListReader, Page
    from webhookd.sources.rest.work import RestCheckpoint, Work
    from webhookd.sources.source import Tried

_SHOWN: Final = 2000
"""Characters of a record that are shown."""


async def attempt(
    settings: RestSource,
    object_: str,
    *,
    transport: ApiTransport,
    egress: Egress,
    clock: Clock,
    credentials_of: CredentialsOf,
    say: Callable[[str], None],
) -> Tried:
    """Try one of the source's objects; *say* gets each line that tells of it."""
    read = next(one for one in settings.objects if one.name == object_)
    trial = _Trial(settings, read, credentials_of, transport, egress, clock, say)
    if await trial.run():
        return "held"
    return "unreachable" if trial.is_unreachable else "wrong"


class _Trial:
    """Tries one object; *say* gets lines for people, in which secrets are still to be hidden."""

    def __init__(
        self,
        settings: RestSource,
        read: RestObject,
        credentials_of: CredentialsOf,
        transport: ApiTransport,
        egress: Egress,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._read = read
        self._say = say
        self.is_unreachable = False
        budget = Budget(burst(settings), clock=clock)
        told = cast("ApiTransport", _Told(transport, say))
        credentials = credentials_of(settings.authentication, Tls(), None)
        way = Way(credentials, told, lambda: egress, budget, clock)
        self._parts = Parts(settings, read, way, PollFigures(settings.name, read.name))
        # Nothing here commits anything.
        self._work: Work = self._parts.work(cast("RestCheckpoint", None))
        self._proofs = self._parts.proofs(self._work)
        self._details = self._parts.details(self._work)
        self._sweeper = Sweeper(self._work, self._proofs, self._details)

    async def run(self) -> bool:
        """Return whether all that could be proved was."""
        self._say(f"{self._read.name}: {self._how()}")
        try:
            page = await self._first_page()
            await self._other_lists()
            await self._single(page)
            await self._description()
        except PollError as error:
            self.is_unreachable = not error.refusal.status.isdigit() and (
                error.refusal.concerns == "request"
            )
            self._say(f"  WRONG  {error}")
            return False
        return True

    async def _first_page(self) -> Page:
        """Read as a first poll does: a page, its proofs and the page behind it."""
        by_time = self._read.detect.by == "time"
        is_whole = self._read.detect.by == "comparison"
        reader = self._work.lists if is_whole else self._work.sweeps
        sweep = Sweep(self._sweeper.begin(None), 0)
        form = self._sweeper.form(None)
        values = self._sweeper.values(form, sweep.at) if by_time else {}
        page = await reader.page(values)
        self._show(page)
        if by_time:
            self._sweeper.check(page, sweep, form)
            self._say(f"  ok     order: {self._read.detect.order}")
            cursor = replace(self._work.begun(page.date), sample=None)
            proved = await self._proofs.hold(cursor, page, sweep, self._sweeper)
            is_open = not proved.proved
            self._say(
                "  open   detect: no record to prove the filter with"
                if is_open
                else "  ok     detect: the filter leaves out what is older, and finds what is not"
            )
        if self._read.detect.by == "token":
            await self._token(page)
        if self._read.detect.conditional is not None:
            await self._condition(reader, page, values)
        await self._second_page(reader, page, values)
        return page

    async def _token(self, page: Page) -> None:
        """Ask for what changed since the token of the first page, where it has one."""
        walker = TokenWalker(self._work, self._details)
        cursor = await walker.prove(walker.whole(self._work.begun(page.date), page, START))
        if cursor.token is None:
            self._say("  open   detect: the token is on the last page")
        elif cursor.proved:
            self._say("  ok     detect: what changed since the token is not the whole list again")
        else:
            self._say("  open   detect: no record to prove the token with")

    async def _condition(self, reader: ListReader, page: Page, values: Any) -> None:
        """Ask for the first page again, with what it said of itself."""
        name, header = HEADERS[self._read.detect.conditional or "etag"]
        value = (page.headers or {}).get(name)
        if value is None:
            why = f"the answer has no header {name!r}"
            raise reader.keys.wrong("detect.conditional", why, own=False)
        again = await reader.page(values, condition=(header, value))
        told = "ok     conditional: the list is not sent again"
        if not again.is_unchanged:
            told = f"open   conditional: it is sent again all the same, with {header}"
        self._say(f"  {told}")

    async def _second_page(self, reader: ListReader, page: Page, values: Any) -> None:
        if page.following is None:
            is_paged = self._read.paging.by != "none"
            self._say(f"  open   paging: {'there is one page' if is_paged else 'none'}")
            return
        second = await reader.page(values, page.following)
        self._say(f"  ok     paging: page 2 has {second.count:,} rows, and others than page 1")

    async def _other_lists(self) -> None:
        """Read the first pages of the lists that deletions are found by."""
        by = self._read.deletions.by
        if by == "absence":
            page = await self._work.absences.page({})
            self._say(f"  ok     deletions: the whole list begins with {page.count:,} rows")
        if self._work.deleted is not None:
            now = self._work.server_time(None)
            values = self._sweeper.values(self._sweeper.form(None), now)
            page = await self._work.deleted.page(values)
            self._say(f"  ok     deletions: their list begins with {page.count:,} rows")

    async def _single(self, page: Page) -> None:
        """Read the first record once more, by itself."""
        row = next((one for one in page.rows if not one.deleted), None)
        if self._work.one is None or row is None:
            return
        found = await self._work.one.read(row.id, is_careful=False)
        if found.row is not None and not found.is_gone:
            self._say(f"  ok     one: {row.id} is found by itself")
            if self._read.detail:
                self._say(f"  as a record: {_cut(_record(found.row))}")
            return
        why = "it is gone, though the list has it" if found.is_gone else found.why
        raise self._work.lists.keys.wrong("one", f"{row.id}: {why}", own=False)

    async def _description(self) -> None:
        """Ask which properties there are; whoever reads records need not be allowed to."""
        if self._read.describe is None:
            return
        try:
            found = await told_properties.told(self._parts.api, self._read)
        except PollError as error:
            self._say(f"  open   describe: {error}")
            return
        with_options = sum(1 for one in found.values() if one.options)
        self._say(f"  ok     describe: {len(found):,} properties, {with_options:,} with options")

    def _show(self, page: Page) -> None:
        """Show the first record as it came, what each expression finds, and what it became."""
        self._say(f"  {page.count:,} rows, {len(page.bad):,} of them bad")
        for bad in page.bad[:3]:
            self._say(f"  bad    {bad.id}: {bad.reason}")
        if page.first is None:
            return
        self._say(f"  as it came: {_cut(_written(page.first))}")
        for key, text in self._expressions():
            self._say(f"    {key}: {text} -> {_cut(_found(text, page.first))}")
        if page.rows and not self._read.detail:
            self._say(f"  as a record: {_cut(_record(page.rows[0]))}")

    def _expressions(self) -> list[tuple[str, str]]:
        read = self._read
        told = [("id", read.id)]
        told += [("modified", text) for text in several(read.modified)]
        told += [("created", text) for text in several(read.created)]
        told += [("deleted", text) for text in several(read.deleted)]
        if read.properties is not None and not isinstance(read.properties, tuple):
            told += [(f"properties.{name}", text) for name, text in read.properties.items()]
        return told

    def _how(self) -> str:
        """Return what is guaranteed of the object."""
        read = self._read
        if read.detect.by == "time":
            is_sorted = read.detect.order == "modified"
            way = "asked for from the newest seen" if is_sorted else "page by page"
            told = f"changes by time, {way}"
        elif read.detect.by == "token":
            told = "changes since a token that the API gives"
        else:
            told = "changes by comparison of the whole list"
        match read.deletions.by:
            case "absence":
                by = "each asked for by `one`" if read.one else "missing twice in turn"
                when = "" if read.detect.by == "comparison" else " within `every`"
                return f"{told}; deletions by absence{when}, {by}; passes find what was skipped"
            case "none":
                return f"{told}; deletions are not looked for"
            case by:
                return f"{told}; deletions by {by}"


class _Told:
    """Says which requests are made."""

    def __init__(self, transport: ApiTransport, say: Callable[[str], None]) -> None:
        self._transport = transport
        self._say = say

    async def handle_async_request(self, request: Any) -> Any:
        """Return the answer to *request*."""
        content = await request.aread()
        body = f" {content.decode()}" if content else ""
        self._say(f"  {request.method} {request.url}{body}")
        response = await self._transport.handle_async_request(request)
        self._say(f"    {response.status_code}")
        return response


def _written(value: Any) -> str:
    try:
        return written(value)
    except (ValueError, RecursionError):
        return "what is no JSON"


def _found(text: str, value: Any) -> str:
    try:
        return _written(Query(text).find(value))
    except QueryError as error:
        return f"breaks: {error}"


def _record(row: Row) -> str:
    if row.deleted:
        return f"{row.id}, deleted"
    properties = {name: decoded_exactly(one.encode()).value for name, one in row.properties.items()}
    return f"{json.dumps(row.id)} {_written(properties)}"


def _cut(text: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return shown if shown.isprintable() else ascii(shown)
