"""The paths for what is looked up: records, changes, files of sources, the configuration."""

from __future__ import annotations

from typing import Any, Final

from webhookd.admin.openapi.description_parts import (
    ERROR,
    TEXT,
    WHEN,
    answer,
    body,
    operation,
    parameter,
    whole,
)
from webhookd.admin.parameters import (
    CHANGES,
    FILES,
    FOLDER,
    LARGEST_NUMBER,
    LISTED_RECORDS,
    MOST_CHANGES,
    MOST_FILES,
    MOST_LISTED_RECORDS,
    MOST_RECORDS,
    RECORDS,
)
from webhookd.sources.listed_files import FOLDERS
from webhookd.views.changes import ChangesView, KnownRecordsView, LatestChangeView, RecordView
from webhookd.views.configuration import ConfigurationView, PlanView
from webhookd.views.records import ForgottenView, ListedRecordsView, ShownRecordsView
from webhookd.views.sources import AcceptedView, FileReportView, PropertiesView, SourceFilesView

_SOURCE = parameter("source", "path", {"type": "string", "minLength": 1})

_ACCEPT = {
    "file": TEXT,
    "object": TEXT,
    "number": {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER},
    "dry_run": {"type": "boolean", "default": False},
}

PATHS: Final[dict[str, Any]] = {
    "/v1/changes": {
        "get": operation(
            "The changes of the last days that are kept, in the order they were seen. With"
            " `newest`, those of a source and object, the newest first; `next` is then the `before`"
            " of what follows.",
            {"200": answer("A page of them.", ChangesView)},
            parameters=[
                parameter("since", "query", WHEN),
                parameter("after", "query", whole(0, 0, LARGEST_NUMBER)),
                parameter("source", "query", TEXT),
                parameter("object", "query", TEXT),
                parameter("newest", "query", {"type": "boolean", "default": False}),
                parameter("before", "query", {"type": "integer", "minimum": 0}),
                parameter("limit", "query", whole(CHANGES, 1, MOST_CHANGES)),
            ],
        )
    },
    "/v1/changes/latest": {
        "get": operation(
            "The last change of a source and object that is kept, or of one record.",
            {"200": answer("The change, if there is one.", LatestChangeView)},
            parameters=[
                {**parameter("source", "query", TEXT), "required": True},
                {**parameter("object", "query", TEXT), "required": True},
                parameter("record_id", "query", TEXT),
            ],
        )
    },
    "/v1/record": {
        "get": operation(
            "A record as it is known.",
            {"200": answer("The record.", RecordView), "404": ERROR},
            parameters=[
                {**parameter("source", "query", TEXT), "required": True},
                {**parameter("object", "query", TEXT), "required": True},
                {**parameter("record_id", "query", TEXT), "required": True},
            ],
        )
    },
    "/v1/properties": {
        "get": operation(
            "The properties that known records of a source and object have.",
            {"200": answer("Their names.", PropertiesView)},
            parameters=[
                {**parameter("source", "query", TEXT), "required": True},
                {**parameter("object", "query", TEXT), "required": True},
            ],
        )
    },
    "/v1/records": {
        "get": operation(
            "Some known records of a source and object, those first that changed last; or one.",
            {"200": answer("Records.", KnownRecordsView), "404": ERROR},
            parameters=[
                {**parameter("source", "query", TEXT), "required": True},
                {**parameter("object", "query", TEXT), "required": True},
                parameter("id", "query", TEXT),
                parameter("limit", "query", whole(RECORDS, 1, MOST_RECORDS)),
            ],
        )
    },
    "/v1/records/list": {
        "get": operation(
            "Known records, in the order of their sources, types and ids: all, or those of `name`,"
            " which is a source, a type of object, or SOURCE/OBJECT.",
            {"200": answer("Records.", ListedRecordsView), "404": ERROR},
            parameters=[
                parameter("name", "query", TEXT),
                parameter("after", "query", TEXT),
                parameter("limit", "query", whole(LISTED_RECORDS, 1, MOST_LISTED_RECORDS)),
            ],
        )
    },
    "/v1/records/show": {
        "get": operation(
            "The `record` OBJECT/ID with its last changes, of each source that knows one.",
            {"200": answer("The record.", ShownRecordsView), "404": ERROR},
            parameters=[
                {**parameter("record", "query", TEXT), "required": True},
                parameter("source", "query", TEXT),
            ],
        )
    },
    "/v1/records/forget": {
        "post": operation(
            "Erase the `record` OBJECT/ID: what is known of it, its changes, what its deliveries"
            " hold of it. What waits is cancelled.",
            {
                "200": answer("What was erased.", ForgottenView),
                "404": ERROR,
                "409": ERROR,
            },
            requestBody=body(
                {
                    "record": TEXT,
                    "source": TEXT,
                    "dry_run": {"type": "boolean", "default": False},
                },
                is_required=True,
            ),
        )
    },
    "/v1/sources/{source}/files": {
        "get": operation(
            "Files in a folder of a drop directory, the newest first, and why those failed that"
            " have a report.",
            {"200": answer("Files.", SourceFilesView), "404": ERROR},
            parameters=[
                _SOURCE,
                parameter(
                    "folder",
                    "query",
                    {"type": "string", "enum": list(FOLDERS), "default": FOLDER},
                ),
                parameter("limit", "query", whole(FILES, 1, MOST_FILES)),
            ],
        )
    },
    "/v1/sources/{source}/files/{name}/error": {
        "get": operation(
            "The report beside a file in `failed/`.",
            {"200": answer("What it says.", FileReportView), "404": ERROR},
            parameters=[_SOURCE, parameter("name", "path", {"type": "string", "minLength": 1})],
        )
    },
    "/v1/sources/{source}/accept": {
        "post": operation(
            "Let a snapshot through that was set aside, by the name of its `file`; or what the list"
            " of an `object` lacked: with `dry_run` only how much that is, with the `number` that"
            " it tells only of that reading of the list.",
            {"200": answer("What was let through.", AcceptedView), "404": ERROR, "409": ERROR},
            parameters=[_SOURCE],
            requestBody=body(_ACCEPT, is_required=True),
        )
    },
    "/v1/configuration": {
        "get": operation(
            "The files of the configuration in force, as they were read.",
            {"200": answer("The files.", ConfigurationView)},
        )
    },
    "/v1/plan": {
        "get": operation(
            "What a reload would change now, or why it would be refused.",
            {"200": answer("The differences.", PlanView)},
        )
    },
}
