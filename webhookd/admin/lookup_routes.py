"""What is looked up: records, changes, files of sources, the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.admin import parameters
from webhookd.admin.acts import about, only_looked
from webhookd.admin.answers import answer
from webhookd.admin.parameters import (
    CHANGES,
    FILES,
    FOLDER,
    LISTED_RECORDS,
    MOST_CHANGES,
    MOST_FILES,
    MOST_LISTED_RECORDS,
    MOST_RECORDS,
    RECORDS,
    BadQuestionError,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from webhookd.operations.control import Control

_RECORD = ("source", "object", "record_id")


class LookupRoutes:
    """Answers what is looked up; each method is one path's."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def changes(self, request: Request) -> Response:
        """Answer changes in their order; or the newest of a source and object."""
        given = parameters.query_of(
            request, (*parameters.PAGE, "source", "object", "newest", "before")
        )
        limit = parameters.limit_of(given, normally=CHANGES, most=MOST_CHANGES)
        if not parameters.word_flag_of(given, "newest"):
            parameters.refuse_with(given, ("source", "object", "before"), "go with newest=true")
            since, after = parameters.since_of(given), parameters.number_of(given, "after") or 0
            return answer(await self._control.changes(since, after=after, limit=limit))
        parameters.refuse_with(given, ("since", "after"), "do not go with newest")
        source, object_ = parameters.texts_that_must_be(given, "source", "object")
        before = parameters.number_of(given, "before")
        return answer(await self._control.newest_changes(source, object_, before, limit))

    async def latest_change(self, request: Request) -> Response:
        """Answer the last change of a source and object, or of a record."""
        given = parameters.query_of(request, _RECORD)
        source, object_ = parameters.texts_that_must_be(given, "source", "object")
        record_id = parameters.text_of(given, "record_id")
        return answer(await self._control.latest_change(source, object_, record_id))

    async def record(self, request: Request) -> Response:
        """Answer one record."""
        given = parameters.query_of(request, _RECORD)
        source, object_, record_id = parameters.texts_that_must_be(given, *_RECORD)
        return answer(await self._control.record(source, object_, record_id))

    async def records(self, request: Request) -> Response:
        """Answer some records, or one."""
        given = parameters.query_of(request, ("source", "object", "id", "limit"))
        source, object_ = parameters.texts_that_must_be(given, "source", "object")
        limit = parameters.limit_of(given, normally=RECORDS, most=MOST_RECORDS)
        record_id = parameters.text_of(given, "id")
        return answer(await self._control.records(source, object_, record_id, limit))

    async def listed_records(self, request: Request) -> Response:
        """Answer known records in their order, all or those of a source or object."""
        given = parameters.query_of(request, ("name", "after", "limit"))
        limit = parameters.limit_of(given, normally=LISTED_RECORDS, most=MOST_LISTED_RECORDS)
        name, after = (parameters.text_of(given, key) for key in ("name", "after"))
        try:
            return answer(await self._control.listed_records(name, after, limit))
        except ValueError:
            raise BadQuestionError("after must be the next of another page") from None

    async def shown_records(self, request: Request) -> Response:
        """Answer a record by its object and id, with its last changes."""
        given = parameters.query_of(request, ("record", "source"))
        (typed,) = parameters.texts_that_must_be(given, "record")
        source = parameters.text_of(given, "source")
        return answer(await self._control.shown_records(typed, source))

    async def forget(self, request: Request) -> Response:
        """Forget a record by its object and id; the log tells its source and object."""
        given = await parameters.body_of(request, ("record", "source", "dry_run"))
        (typed,) = parameters.texts_that_must_be(given, "record")
        source, is_dry_run = (
            parameters.text_of(given, "source"),
            parameters.flag_of(given, "dry_run"),
        )
        if is_dry_run:
            only_looked(request)
        done = await self._control.forgetting.forget(typed, source, is_dry_run=is_dry_run)
        about(request, f"{done.source}/{done.object}")
        return answer(done)

    async def properties(self, request: Request) -> Response:
        """Answer the properties of a source and object."""
        given = parameters.query_of(request, ("source", "object"))
        source, object_ = parameters.texts_that_must_be(given, "source", "object")
        return answer(await self._control.properties(source, object_))

    async def files(self, request: Request) -> Response:
        """Answer the files in a folder of a source."""
        given = parameters.query_of(request, ("folder", "limit"))
        folder = parameters.folder_of(given) or FOLDER
        limit = parameters.limit_of(given, normally=FILES, most=MOST_FILES)
        source = request.path_params["source"]
        return answer(await self._control.files.listed(source, folder, limit))

    async def report(self, request: Request) -> Response:
        """Answer the report beside a file that failed."""
        parameters.query_of(request, ())
        source, name = request.path_params["source"], request.path_params["name"]
        return answer(await self._control.files.report(source, name))

    async def accept(self, request: Request) -> Response:
        """Let something through that was set aside; or say how many records a list lacked."""
        given = await parameters.body_of(request, ("file", "object", "number", "dry_run"))
        file, object_ = (parameters.text_of(given, name) for name in ("file", "object"))
        source, is_dry_run = request.path_params["source"], parameters.flag_of(given, "dry_run")
        if (file is None) == (object_ is None):
            raise BadQuestionError("say which: one of file and object")
        if file is not None:
            parameters.refuse_with(given, ("number", "dry_run"), "go with object")
            return answer(await self._control.files.accept(source, file))
        if is_dry_run:
            only_looked(request)
        accepted = await self._control.files.accept_absences(
            source,
            object_ or "",
            number=parameters.number_of(given, "number"),
            is_dry_run=is_dry_run,
        )
        return answer(accepted)

    async def configuration(self, request: Request) -> Response:
        """Answer the files of the configuration in force."""
        parameters.query_of(request, ())
        return answer(self._control.configuration())

    async def plan(self, request: Request) -> Response:
        """Answer what a reload would change."""
        parameters.query_of(request, ())
        return answer(await self._control.plan())
