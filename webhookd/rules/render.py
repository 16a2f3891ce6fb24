"""From a change to what is frozen of its request: method, body, content type and query.

Values are JSON texts already, so a body is put together and never parsed: a number arrives
as the source wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.definitions import BodyFormat
from webhookd.model import Rendered, text_of
from webhookd.rules import hubspot_legacy
from webhookd.rules.json_text import NULL as _NULL
from webhookd.rules.json_text import Members as _Members
from webhookd.rules.json_text import encoded as _encoded
from webhookd.rules.json_text import object_of as _object
from webhookd.rules.json_text import text as _text
from webhookd.rules.templating import bodies, scope
from webhookd.rules.templating.live_parts import kept_values
from webhookd.rules.timestamps import timestamp
from webhookd.rules.url_encoding import encode_query

if TYPE_CHECKING:
    from webhookd.definitions import Body, Request, Webhook
    from webhookd.model import Change, JsonText


def render(webhook: Webhook, change: Change, *, delivery_id: str) -> Rendered:
    """Return what *webhook* reports of *change* under the delivery's id.

    A template may make too much of it: that is a `TooLargeError`.
    """
    request = webhook.request
    body, live, query = request.body, request.live, _query(request, change)
    template = None if body is None else body.template
    values = None
    if live is not None or template is not None:
        # One scope for both: what is kept and the body draw on the same room.
        seen = scope.of_change(change, webhook.name, delivery_id)
        values = None if live is None else kept_values(live, seen)
        if template is not None:
            content, holes = bodies.render_body(template, seen)
            return Rendered(request.method, content, template.content_type, query, holes, values)
    if body is None:
        return Rendered(request.method, None, None, query, (), values)
    content = _encoded(_body(body, change, delivery_id))
    return Rendered(request.method, content, _content_type(body), query, (), values)


def _content_type(body: Body) -> str:
    is_event = body.format is BodyFormat.CLOUDEVENTS
    return "application/cloudevents+json" if is_event else "application/json"


def _body(body: Body, change: Change, delivery_id: str) -> JsonText:
    match body.format:
        case BodyFormat.FLAT:
            return _object({**_properties(body, change), **body.static})
        case BodyFormat.RECORD:
            return _object(_record(body, change))
        case BodyFormat.STANDARD_WEBHOOKS:
            return _object(_standard_webhook(body, change))
        case BodyFormat.CLOUDEVENTS:
            return _object(_cloud_event(body, change, delivery_id))
        case BodyFormat.HUBSPOT_LEGACY:
            return _object(hubspot_legacy.members(body, change))


def _record(body: Body, change: Change) -> _Members:
    return {
        "objectId": _text(change.record_id),
        "objectType": _text(change.object),
        "eventType": _text(_event_type(change)),
        "occurredAt": _text(timestamp(change.occurred_at)),
        **_survivor(change),
        **_property_members(body, change),
        **body.static,
    }


def _survivor(change: Change) -> _Members:
    """Return which record a deleted one was merged into, where it was."""
    into = None if change.deletion is None else change.deletion.merged_into
    return {} if into is None else {"mergedInto": _text(into)}


def _standard_webhook(body: Body, change: Change) -> _Members:
    return {
        "type": _text(_event_type(change)),
        "timestamp": _text(timestamp(change.occurred_at)),
        "data": _data(body, change),
    }


def _cloud_event(body: Body, change: Change, delivery_id: str) -> _Members:
    """Return a CloudEvents 1.0 event in the structured JSON form."""
    return {
        "specversion": '"1.0"',
        "id": _text(delivery_id),
        "source": _text(f"/sources/{change.source}"),
        "type": _text(_event_type(change)),
        "time": _text(timestamp(change.occurred_at)),
        "subject": _text(change.record_id),
        "datacontenttype": '"application/json"',
        "data": _data(body, change),
    }


def _data(body: Body, change: Change) -> JsonText:
    return _object(
        {
            "objectId": _text(change.record_id),
            "objectType": _text(change.object),
            **_property_members(body, change),
            **body.static,
        }
    )


def _property_members(body: Body, change: Change) -> _Members:
    members = {"properties": _object(_properties(body, change))}
    if body.previous:
        members["previousProperties"] = _object(_previous(body, change))
    return members


def _properties(body: Body, change: Change) -> _Members:
    now = change.properties
    if body.properties is None:
        return dict(sorted(now.items()))
    return {chosen.sent_as: now.get(chosen.name, _NULL) for chosen in body.properties}


def _previous(body: Body, change: Change) -> _Members:
    """Return the values before of what is sent and changed; null where there was none."""
    before, changed = change.previous or {}, change.changed
    if body.properties is None:
        return {name: before.get(name, _NULL) for name in sorted(changed)}
    return {
        chosen.sent_as: before.get(chosen.name, _NULL)
        for chosen in body.properties
        if chosen.name in changed
    }


def _event_type(change: Change) -> str:
    return f"{change.object}.{change.kind}"


def _query(request: Request, change: Change) -> str:
    now, chosen = change.properties, request.query
    sent = [(each.sent_as, text_of(now[each.name])) for each in chosen if each.name in now]
    return encode_query([*sent, *request.query_static])
