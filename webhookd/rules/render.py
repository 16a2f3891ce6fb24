"""From a change to what is frozen of its request: method, body, content type and query.

Values are JSON texts already, so a body is put together and never parsed: a number arrives
as the source wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from webhookd.definitions import BodyFormat
from webhookd.model import Rendered, text_of
from webhookd.rules import hubspot_legacy
from webhookd.rules.json_text import NULL as _NULL
from webhookd.rules.json_text import Members as _Members
from webhookd.rules.json_text import object_of as _object
from webhookd.rules.json_text import text as _text
from webhookd.rules.templating import bodies, scope
from webhookd.rules.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import Body, Request, Webhook
    from webhookd.model import Change, JsonText

# HubSpot tells receivers of v3 to decode twelve escapes before they compute a signature, and
# its own libraries do not; a query that leaves those characters bare satisfies both. The twelfth
# is the semicolon, which is bare for v3 only (`with_bare_semicolons`): Go's net/url (since 1.17)
# drops a parameter that holds one, and Go's reverse proxy strips it from the query.
_BARE = ":/?@!$'()*,"
_SEMICOLON = "%3B"


def render(webhook: Webhook, change: Change, *, delivery_id: str) -> Rendered:
    """Return what *webhook* reports of *change* under the delivery's id.

    A template may make too much of it: that is a `TooLargeError`.
    """
    request = webhook.request
    body, query = request.body, _query(request, change)
    if body is None:
        return Rendered(request.method, None, None, query)
    if body.template is not None:
        seen = scope.of_change(change, webhook.name, delivery_id)
        content, holes = bodies.render_body(body.template, seen)
        return Rendered(request.method, content, body.template.content_type, query, holes)
    content = _encoded(_body(body, change, delivery_id))
    return Rendered(request.method, content, _content_type(body), query)


def _encoded(body: JsonText) -> bytes:
    # A lone surrogate has no UTF-8; it only stands inside JSON texts, where Python's
    # backslash form of it happens to be JSON's.
    return body.encode("utf-8", "backslashreplace")


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
        **_property_members(body, change),
        **body.static,
    }


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


def encode_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and values as a query, percent-encoded, `%20` for a space."""
    return "&".join(f"{percent_encoded(name)}={percent_encoded(value)}" for name, value in pairs)


def percent_encoded(text: str) -> str:
    """Return *text* with all but unreserved characters and `:/?@!$'()*,` percent-encoded."""
    try:
        return quote(text, safe=_BARE)
    except UnicodeEncodeError:
        # Lone surrogates have no UTF-8: each becomes U+FFFD, as in every decoder.
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return quote(whole, safe=_BARE)


def with_bare_semicolons(query: str) -> str:
    """Return an encoded *query* as a receiver of HubSpot v3 needs it: with `;` as it is."""
    return query.replace(_SEMICOLON, ";")


def without_bare_semicolons(query: str) -> str:
    """Return an encoded *query* as every other receiver needs it.

    Queries that an older webhookd stored hold bare ones.
    """
    return query.replace(";", _SEMICOLON)


def full_url(url: str, query: str, key: str = "") -> str:
    """Return the URL to request: its own query as written, the delivery's, then an API key's.

    *query* and *key* are encoded (`encode_query`), and empty where there is none.
    A fragment is never sent. An empty path is sent as `/` (RFC 9112, 3.2.1), so it stands
    in what is signed as well.
    """
    address, mark, own = url.partition("#")[0].partition("?")
    start, host_mark, host = address.partition("://")
    if host_mark and "/" not in host:
        address = f"{start}://{host}/"
    added = "&".join(part for part in (query, key) if part)
    if not added:
        return address + mark + own
    joint = "" if not own or own.endswith("&") else "&"
    return f"{address}?{own}{joint}{added}"
