"""Names that a person asks for, and that nobody knows: an error that tells near ones.

To find nothing for such a name would look as if all were well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.messages import no_such
from webhookd.errors import WebhookdError
from webhookd.storage.records import known_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.definitions import Definitions
    from webhookd.model import DeliveryFilter
    from webhookd.storage.database.connection import Statements


class UnknownNameError(WebhookdError):
    """Neither the configuration nor the database knows a name."""


def refuse_unknown(
    connection: Statements,
    wanted: DeliveryFilter,
    *,
    webhooks: Iterable[str] = (),
    objects: Iterable[str] = (),
) -> None:
    """Raise an UnknownNameError if a name in *wanted* is neither configured nor in the database.

    *webhooks* and *objects* are those of the configuration.
    """
    name = wanted.webhook
    if name is not None and name not in webhooks and not known_names.is_known(connection, name):
        raise unknown_webhook(name, {*webhooks, *known_names.webhooks(connection)})
    if wanted.object is not None and wanted.object not in objects:
        there = {*objects, *known_names.objects(connection)}
        if wanted.object not in there:
            raise UnknownNameError(no_such("object", wanted.object, sorted(there)))


def unknown_webhook(name: str, there: Iterable[str]) -> UnknownNameError:
    """Return the error for a webhook that nobody knows, with the nearest of those *there*."""
    return UnknownNameError(no_such("webhook", name, sorted({*there} - {name})))


def objects_of(definitions: Definitions) -> Iterator[str]:
    """Yield the types of objects that sources read and webhooks are on."""
    for source in definitions.sources.values():
        yield from source.polled_objects
    for webhook in definitions.webhooks.values():
        yield webhook.object
