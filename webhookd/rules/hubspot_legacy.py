"""Bodies in the shape that HubSpot's older APIs give a record, and its workflow webhooks with them.

A receiver that was written for such a webhook finds the id and `properties.NAME.value` where it
looks for them. What a record does not know (lists, forms, merges, associations, the history of
values) is empty.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from webhookd.model import ChangeKind, text_of
from webhookd.rules.comparison import moment_at, moment_of
from webhookd.rules.json_text import NULL, Members, object_of, text

if TYPE_CHECKING:
    from webhookd.definitions import Body
    from webhookd.model import Change, JsonText

_Kind: TypeAlias = Literal["CONTACT", "COMPANY", "DEAL", "TICKET"]

_STANDARD: Final[dict[str, _Kind]] = {
    **dict.fromkeys(("contacts", "contact", "0-1"), "CONTACT"),
    **dict.fromkeys(("companies", "company", "0-2"), "COMPANY"),
    **dict.fromkeys(("deals", "deal", "0-3"), "DEAL"),
    **dict.fromkeys(("tickets", "ticket", "0-5"), "TICKET"),
}
"""What HubSpot calls a type of object, by the names that it may have in a source."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECONDS: Final = moment_at(_EPOCH).seconds
_NUMBER: Final = re.compile("0|[1-9][0-9]*")
_NONE: Final[JsonText] = "[]"
_NO_ASSOCIATIONS: Final[JsonText] = object_of(
    {
        "associatedVids": _NONE,
        "associatedCompanyIds": _NONE,
        "associatedDealIds": _NONE,
        "associatedTicketIds": _NONE,
    }
)


def members(body: Body, change: Change) -> Members:
    """Return what is in the body that tells *change*, and behind it the static values."""
    properties = object_of(_properties(body, change))
    is_deleted = change.kind is ChangeKind.DELETED
    record = _record(change.object, change.record_id, properties, body.portal_id, is_deleted)
    return {**record, **body.static}


def names(object_: str, *, has_portal: bool) -> frozenset[str]:
    """Return the names at the top of a body that tells of a record of the type *object_*."""
    return frozenset(_record(object_, "", "", 0 if has_portal else None, is_deleted=False))


def tells_deletions(object_: str) -> bool:
    """Return whether a body says that a record of the type *object_* was deleted."""
    return "isDeleted" in names(object_, has_portal=False)


def _record(
    object_: str, record_id: str, properties: JsonText, portal_id: int | None, is_deleted: bool
) -> Members:
    kind, id_ = _STANDARD.get(object_.lower()), _id(record_id)
    portal = {} if portal_id is None else {"portalId": str(portal_id)}
    state = {"isDeleted": "true" if is_deleted else "false"}
    match kind:
        case "CONTACT":
            return _contact(id_, portal_id, properties)
        case "DEAL":
            rest = {"associations": _NO_ASSOCIATIONS, "properties": properties}
            return {**portal, "dealId": id_, **state, **rest}
        case "COMPANY":
            return {**portal, "companyId": id_, **state, "properties": properties}
        case _:
            head = {"objectType": text(kind or object_), **portal, "objectId": id_}
            return {**head, "properties": properties, **state}


def _contact(id_: JsonText, portal_id: int | None, properties: JsonText) -> Members:
    return {
        "vid": id_,
        "canonical-vid": id_,
        "merged-vids": _NONE,
        **({} if portal_id is None else {"portal-id": str(portal_id)}),
        "is-contact": "true",
        "properties": properties,
        "form-submissions": _NONE,
        "list-memberships": _NONE,
        "identity-profiles": _NONE,
        "merge-audits": _NONE,
    }


def _properties(body: Body, change: Change) -> Members:
    now, origin = change.properties, _origin(change)
    if body.properties is None:
        sent = {name: name for name in sorted(now)}
    else:
        sent = {chosen.sent_as: chosen.name for chosen in body.properties if chosen.name in now}
    return {
        sent_as: object_of(
            {"value": _value(now[name], name in change.instants), **origin, "versions": _NONE}
        )
        for sent_as, name in sent.items()
    }


def _value(value: JsonText, is_instant: bool) -> JsonText:
    """Return a property's value as HubSpot's older APIs have it: always a text.

    A number of a file becomes one, digit by digit. The newer API writes in ISO 8601 what the older
    ones give in milliseconds since 1970.
    """
    moment = moment_of(text_of(value)) if is_instant else None
    if moment is not None:
        thousandths = int(moment.fraction[:3].ljust(3, "0"))
        return f'"{(moment.seconds - _EPOCH_SECONDS) * 1000 + thousandths}"'
    return value if value.startswith('"') else text(value)


def _origin(change: Change) -> Members:
    """Return when a value is from, which contacts tell in `versions` only, and what set it."""
    if _STANDARD.get(change.object.lower()) == "CONTACT":
        return {}
    milliseconds = (change.occurred_at - _EPOCH) // timedelta(milliseconds=1)
    return {"timestamp": str(milliseconds), "source": NULL, "sourceId": NULL}


def _id(record_id: str) -> JsonText:
    return record_id if _NUMBER.fullmatch(record_id) else text(record_id)
