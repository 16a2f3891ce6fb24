"""Views of deliveries, made of what the database knows; the command line uses them as well."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd.rules import json_text
from webhookd.rules.signing import since_epoch
from webhookd.storage.schema import template_columns
from webhookd.views.deliveries import (
    AttemptView,
    ByHandView,
    ChangedPropertyView,
    DeliveriesView,
    DeliveryView,
    GroupsView,
    GroupView,
    ShownDeliveryView,
)
from webhookd.views.view import JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from webhookd.model import Attempt
    from webhookd.operations.deliveries.bulk_changes import ByHand
    from webhookd.storage.deliveries.query import ListedDelivery, ShownDelivery
    from webhookd.storage.search.bounded_search import Page
    from webhookd.storage.search.failure_groups import Group
    from webhookd.storage.search.told_changes import ChangedProperty
    from webhookd.views.deliveries import RequestView


@dataclass(frozen=True, slots=True)
class More:
    """What a daemon says of a delivery beside what is stored."""

    request: RequestView | None = None
    request_error: str | None = None
    give_up_at: datetime | None = None
    changed: tuple[ChangedProperty, ...] | None = None


def listed_delivery(delivery: ListedDelivery) -> DeliveryView:
    """Return a delivery as lists show it."""
    return DeliveryView(**_listed(delivery))


def delivery_page(page: Page) -> DeliveriesView:
    """Return deliveries, and how far they were looked for."""
    listed = tuple(map(listed_delivery, page.deliveries))
    return DeliveriesView(listed, page.next, page.is_partial, page.searched_to)


def group_page(groups: Iterable[Group], is_partial: bool) -> GroupsView:
    """Return what failed and what is held, by webhook and cause."""
    return GroupsView(
        tuple(
            GroupView(
                state=group.state,
                webhook=group.webhook,
                error=group.error,
                count=group.count,
                oldest_at=group.oldest_at,
                newest_at=group.newest_at,
                example=group.example,
                last_error=group.last_error,
            )
            for group in groups
        ),
        is_partial,
    )


def by_hand(running: ByHand) -> ByHandView:
    """Return how far a change of many deliveries is."""
    return ByHandView(
        action=running.action,
        started_at=running.started_at,
        done=running.looked_at,
        of=running.of,
        over=running.is_over,
        error=running.error,
        count=running.changed.count,
        overtaken=running.changed.overtaken,
        held=running.changed.held,
    )


def shown_delivery(shown: ShownDelivery, more: More | None = None) -> ShownDeliveryView:
    """Return a delivery whole: what is sent, every attempt, and what only a daemon knows."""
    more = more or More()
    return ShownDeliveryView(
        **_listed(shown.listed),
        method=shown.method,
        content_type=shown.content_type,
        body=_text(shown.body),
        query=shown.query,
        url_values=_url_values(shown.url_values),
        attempt_log=tuple(_attempt(shown.listed.id, one) for one in shown.attempts),
        request=more.request,
        request_error=more.request_error,
        give_up_at=more.give_up_at,
        changed=None
        if more.changed is None
        else tuple(
            ChangedPropertyView(one.property, one.before, one.after) for one in more.changed
        ),
        deletion=None if shown.listed.deletion is None else shown.listed.deletion.how,
        merged_into=None if shown.listed.deletion is None else shown.listed.deletion.merged_into,
    )


def _changed(one: ChangedProperty) -> ChangedPropertyView:
    return ChangedPropertyView(one.property, one.before, one.after)


def _attempt(delivery_id: str, attempt: Attempt) -> AttemptView:
    url, _, headers = (attempt.sent or "").partition("\n")
    # What the row tells anyway is not kept twice.
    own = {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(since_epoch(attempt.started_at)[0]),
    }
    return AttemptView(
        number=attempt.number,
        started_at=attempt.started_at,
        seconds=attempt.seconds,
        status=attempt.status,
        error=attempt.error,
        answer=attempt.answer,
        config_hash=attempt.config_hash,
        url=url or None,
        request_headers=_by_name(headers) | own if attempt.sent else None,
        answer_headers=None if attempt.answer_headers is None else _by_name(attempt.answer_headers),
    )


def _by_name(lines: str) -> dict[str, str]:
    """Return kept headers by lower-case name, those of one name joined as HTTP joins them."""
    found: dict[str, str] = {}
    for line in filter(None, lines.split("\n")):
        name, _, value = line.partition(": ")
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _listed(delivery: ListedDelivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "webhook": delivery.webhook,
        "source": delivery.source,
        "object": delivery.object,
        "record_id": delivery.record_id,
        "change": delivery.change,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "is_behind": delivery.is_behind,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at,
        "settled_at": delivery.settled_at,
        "superseded_by": delivery.superseded_by,
    }


def _url_values(stored: str | None) -> JsonObject[Any] | None:
    """Return the values for URL and headers, which are stored as JSON texts, as JSON."""
    values = template_columns.values_of(stored)
    if values is None:
        return None
    return JsonObject(json_text.encoded(json_text.object_of(values)))


def _text(body: bytes | None) -> str | None:
    if body is None:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii")
