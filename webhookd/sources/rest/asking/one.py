"""A single record, read by its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd.rules.json_query import Query, QueryError
from webhookd.sources.rest.answers.rest_rows import Row

if TYPE_CHECKING:
    from webhookd.definitions import RestOne
    from webhookd.sources.rest.answers.rest_rows import RowReader
    from webhookd.sources.rest.asking.composed_requests import Composed
    from webhookd.sources.rest.asking.rest_api import Api


@dataclass(frozen=True, slots=True)
class OneFound:
    """What there is of a record: *row*, or that it *is_gone*, or *why* neither can be said."""

    row: Row | None = None
    is_gone: bool = False
    why: str = ""
    raw: Any = None


class OneReader:
    """Reads records one by one."""

    def __init__(self, api: Api, request: Composed, one: RestOne, rows: RowReader) -> None:
        self._api = api
        self._request = request
        self._gone = one.gone
        self._record = Query(one.record)
        self._rows = rows

    async def read(self, id_: str, *, is_careful: bool = True) -> OneFound:
        """Return what there is of the record *id_*; PollError when the API does not say."""
        asked = self._api.asked(self._request, {"id": id_})
        answer = await self._api.call(asked, accept=self._gone, is_careful=is_careful)
        if answer.status in self._gone:
            return OneFound(is_gone=True)
        if answer.is_empty:
            return OneFound(why=f"the answer {answer.status} has no record")
        try:
            found = self._record.find(answer.content.value)
        except QueryError as error:
            return OneFound(why=f"one.record breaks: {error}")
        row = self._rows.row(found, is_deep=answer.content.is_deep)
        if not isinstance(row, Row):
            return OneFound(why=row.reason, raw=found)
        if row.id != id_:
            return OneFound(why=f"the answer is the record {row.id:.60}", raw=found)
        return OneFound(row, is_gone=row.deleted, raw=found)
