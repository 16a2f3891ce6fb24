"""What webhookd knows of a record: asked of the daemon, or read in its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from webhookd.cli.client import find
from webhookd.client.client_errors import RefusedError
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from pathlib import Path

Shown: TypeAlias = dict[str, Any]

_NOT_FOUND = 404


class NoSuchRecordError(WebhookdError):
    """No such record, or no change of one, is known."""


def known_record(
    key: tuple[str, str], record_id: str, state_directory: Path | None, database_url: str | None
) -> Shown:
    """Return what is known of a record, *key* being its source and object.

    Raises NoSuchRecordError where nothing is.
    """
    daemon = find(state_directory) if database_url is None else None
    source, object_ = key
    if daemon is None:
        from webhookd.cli import offline  # noqa: PLC0415 - see there
        from webhookd.operations.lookups.record_lookup import UnknownRecordError  # noqa: PLC0415

        try:
            return offline.record(key, record_id, state_directory, database_url)
        except UnknownRecordError as error:
            raise NoSuchRecordError(str(error)) from None
    try:
        return daemon.get("/v1/record", source=source, object=object_, record_id=record_id)
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        raise NoSuchRecordError(str(error)) from None


def latest_change(
    key: tuple[str, str],
    record_id: str | None,
    state_directory: Path | None,
    database_url: str | None,
) -> Shown:
    """Return the last change that is kept of a source and object, or of one record."""
    daemon = find(state_directory) if database_url is None else None
    source, object_ = key
    if daemon is None:
        from webhookd.cli import offline  # noqa: PLC0415 - see there

        return offline.latest_change(key, record_id, state_directory, database_url)
    return daemon.get("/v1/changes/latest", source=source, object=object_, record_id=record_id)
