"""Sources: what is read, how far, and what was set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from starlette.exceptions import HTTPException

from webhookd.client.asynchronous import quoted
from webhookd.client.client_errors import RefusedError
from webhookd.errors import counted
from webhookd.views import json_reader
from webhookd.views.sources import AcceptedView, FileReportView, SourceFilesView

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit
    from webhookd.views.sources import SourceView

MOST_FILES: Final = 50
MOST_ROWS: Final = 200


async def show(visit: Visit) -> Response:
    """Show all sources."""
    status = await visit.daemon.status()
    return await visit.page("sources.html", section="sources", sources=status.sources)


async def show_one(visit: Visit) -> Response:
    """Show a source."""
    one = await found(visit)
    status = await visit.daemon.status()
    webhooks = [
        name
        for name, definition in status.document.get("webhooks", {}).items()
        if definition.get("source") == one.source
    ]
    return await visit.page(
        "source.html",
        section="sources",
        one=one,
        webhooks=webhooks,
        path=path_of(one),
        failed=await _failed(visit, one),
    )


async def report(visit: Visit) -> Response:
    """Show what is wrong with a file that was set aside."""
    one = await found(visit)
    name = visit.request.path_params["file"]
    told = await visit.daemon.read(FileReportView, f"/v1{path_of(one)}/files/{quoted(name)}/error")
    rows = told.report.get("bad_rows")
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return await visit.page(
        "report.html",
        section="sources",
        one=one,
        path=path_of(one),
        name=told.name,
        reason=told.report.get("reason"),
        rows=rows[:MOST_ROWS],
        count=len(rows),
        rest={
            key: value for key, value in told.report.items() if key not in {"reason", "bad_rows"}
        },
    )


async def accept(visit: Visit) -> Response:
    """Let through what was set aside, after it was looked at: what it lacks counts as deleted."""
    one = await found(visit)
    if visit.form.get("object"):
        return await _accept_absences(visit, one, visit.form.get("object"))
    # As in the address of its page: no character of a name is lost on the way.
    name = unquote(visit.form.get("file"))
    if visit.form.get("confirm"):
        await visit.daemon.post(f"/v1{path_of(one)}/accept", file=name)
        visit.tell(f"{name} was let through; the daemon takes it next.")
        return visit.elsewhere(path_of(one))
    told = await visit.daemon.read(FileReportView, f"/v1{path_of(one)}/files/{quoted(name)}/error")
    reason = told.report.get("reason")
    return await visit.page(
        "accept.html", section="sources", one=one, path=path_of(one), name=name, reason=reason
    )


async def _accept_absences(visit: Visit, one: SourceView, object_: str) -> Response:
    number = visit.form.get("number")
    if visit.form.get("confirm") and number.isdecimal():
        asked = {"object": object_, "number": int(number)}
        told = await visit.daemon.post(f"/v1{path_of(one)}/accept", **asked)
        missing = counted(told["missing"], "member" if "/lists/" in object_ else "record")
        visit.tell(
            f"{object_}: {missing} may be missing; the next reading of the list takes it so."
        )
        return visit.elsewhere(path_of(one))
    answer = await visit.daemon.look(f"/v1{path_of(one)}/accept", object=object_, dry_run=True)
    aside = json_reader.read(AcceptedView, answer)
    return await visit.page(
        "accept_absences.html", section="sources", one=one, path=path_of(one), aside=aside
    )


async def _failed(visit: Visit, one: SourceView) -> SourceFilesView | None:
    """Return the files that were set aside; None of a source that reads none."""
    if one.files_failed is None:
        return None
    try:
        return await visit.daemon.read(
            SourceFilesView, f"/v1{path_of(one)}/files", folder="failed", limit=MOST_FILES
        )
    except RefusedError:
        return None


def path_of(one: SourceView) -> str:
    """Return where a source's page is."""
    return f"/sources/{quoted(one.source)}"


async def found(visit: Visit) -> SourceView:
    """Return how the source stands that the address names; 404 where there is none."""
    name = visit.request.path_params["name"]
    status = await visit.daemon.status()
    for one in status.sources:
        if one.source == name:
            return one
    raise HTTPException(404)
