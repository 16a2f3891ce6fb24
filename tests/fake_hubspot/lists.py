"""Lists (segments) of the fake: static and dynamic ones, and what HubSpot answers about them.

Paths, parameters and shapes are those of HubSpot's published description (CRM Lists, 2026-03, and
v3 before it). What it does not say is a switch here, so that tests try both: whether a record that
is in no list is told of, how many records one request may ask about, and whether a place in the
order of joining is a count or names the last one that joined.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from itertools import count

from starlette.routing import Route

from tests.fake_hubspot.account import iso
from tests.fake_hubspot.limits import RefusedError

LISTS = "lists"
"""What stands for the type of object where a request is about lists."""

TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "tickets": "0-5"}
MOST = 250


@dataclass
class Segment:
    """A list. *members* have when they joined, in that order; *matches* makes it a dynamic one."""

    id: str
    object: str
    created: int
    matches: object = None
    members: dict = field(default_factory=dict)
    status: str = "COMPLETE"
    deleted_at: int | None = None


@dataclass
class Lists:
    """The lists of an account."""

    account: object
    segments: dict = field(default_factory=dict)
    most_inputs: int = 100
    tells_of_none: bool = True
    counts_places: bool = False
    most_shown: int = MOST
    serial: object = field(default_factory=lambda: count(1))

    def create(self, object_="contacts", *ids, matches=None):
        """Create a list, a dynamic one of the records that it *matches*; return its id."""
        segment = Segment(str(next(self.serial)), object_, self.account.now(), matches)
        self.segments[segment.id] = segment
        self.add(segment.id, *ids)
        return segment.id

    def add(self, list_id, *ids):
        """Add records to a static list."""
        for id_ in ids:
            self.segments[list_id].members.setdefault(id_, self.account.now())

    def remove(self, list_id, *ids):
        """Remove records from a static list."""
        for id_ in ids:
            self.segments[list_id].members.pop(id_, None)

    def delete(self, list_id, *, is_shown=False):
        """Delete a list; it is gone, or still shown with when that was."""
        if is_shown:
            self.segments[list_id].deleted_at = self.account.now()
        else:
            del self.segments[list_id]

    def members(self, list_id):
        """Return the ids of a list's members."""
        self.settle()
        return set(self.segments[list_id].members)

    def settle(self):
        """Have dynamic lists hear of all changes, and all lists of what is archived or gone."""
        for segment in self.segments.values():
            live = {one.id: one for one in self.account.live(segment.object)}
            if segment.matches is not None and segment.status == "COMPLETE":
                for id_, record in live.items():
                    if segment.matches(record.properties):
                        segment.members.setdefault(id_, self.account.now())
                    else:
                        segment.members.pop(id_, None)
            for id_ in [one for one in segment.members if one not in live]:
                del segment.members[id_]

    def routes(self, answering):
        """Return the routes; *answering* makes an endpoint of each method."""
        return [
            route
            for base in ("/crm/lists/2026-03", "/crm/v3/lists")
            for route in (
                Route(
                    f"{base}/records/memberships/batch/read",
                    answering(self._memberships),
                    methods=["POST"],
                ),
                Route(f"{base}/{{list}}", answering(self._segment), methods=["GET"]),
                Route(f"{base}/{{list}}/memberships", answering(self._members), methods=["GET"]),
                Route(
                    f"{base}/{{list}}/memberships/join-order",
                    answering(self._joined),
                    methods=["GET"],
                ),
            )
        ]

    def _one(self, request):
        self.settle()
        list_id = request.path_params["list"]
        if list_id not in self.segments:
            why = f"List does not exist with ID {list_id}."
            raise RefusedError(404, why, category="OBJECT_NOT_FOUND")
        return self.segments[list_id]

    def _segment(self, _object, request, _raw):
        one = self._one(request)
        shown = {
            "listId": one.id,
            "listVersion": 1,
            "name": f"list {one.id}",
            "objectTypeId": TYPE_IDS[one.object],
            "processingType": "MANUAL" if one.matches is None else "DYNAMIC",
            "processingStatus": one.status,
            "createdAt": iso(one.created),
            "updatedAt": iso(one.created),
            "size": len(one.members),
        }
        return {"list": shown | ({"deletedAt": iso(one.deleted_at)} if one.deleted_at else {})}

    def _members(self, _object, request, _raw):
        one, limit, after = self._page(request)
        ids = sorted(one.members, key=int)
        left = [id_ for id_ in ids if not after or int(id_) > int(after)]
        return _answer(one, left, limit, lambda shown: shown[-1])

    def _joined(self, _object, request, _raw):
        one, limit, after = self._page(request)
        ids = list(one.members)
        start = 0
        if after and self.counts_places:
            start = int(after)
        elif after:
            joined, _, last = after.partition("/")
            place = (int(joined), int(last))
            start = sum((one.members[id_], int(id_)) <= place for id_ in ids)
            ids.sort(key=lambda id_: (one.members[id_], int(id_)))
        else:
            ids.sort(key=lambda id_: (one.members[id_], int(id_)))
        if self.counts_places:
            return _answer(one, ids[start:], limit, lambda shown: str(start + len(shown)))
        return _answer(
            one, ids[start:], limit, lambda shown: f"{one.members[shown[-1]]}/{shown[-1]}"
        )

    def _page(self, request):
        query = request.query_params
        unknown = set(query) - {"limit", "after", "before"}
        limit = int(query.get("limit", "100"))
        if unknown or not 1 <= limit <= MOST:
            raise RefusedError(400, f"Bad parameters {sorted(unknown)} limit {limit}")
        after = query.get("after", "")
        try:
            after = urlsafe_b64decode(after.encode()).decode()
        except ValueError:
            raise RefusedError(400, "The paging token is not valid") from None
        return self._one(request), min(limit, self.most_shown), after

    def _memberships(self, _object, _request, raw):
        body = json.loads(raw)
        inputs = body["inputs"]
        if set(body) != {"inputs"} or any(
            set(one) != {"objectTypeId", "recordId"} for one in inputs
        ):
            raise RefusedError(400, "Bad batch", category="VALIDATION_ERROR")
        if not 1 <= len(inputs) <= self.most_inputs:
            raise RefusedError(400, "Too many inputs", category="VALIDATION_ERROR")
        self.settle()
        results = []
        for one in inputs:
            own = [
                {
                    "listId": segment.id,
                    "listVersion": 1,
                    "firstAddedTimestamp": iso(segment.members[one["recordId"]]),
                    "lastAddedTimestamp": iso(segment.members[one["recordId"]]),
                }
                for segment in self.segments.values()
                if TYPE_IDS[segment.object] == one["objectTypeId"]
                and one["recordId"] in segment.members
                and segment.deleted_at is None
            ]
            if own or self.tells_of_none:
                results.append({**one, "recordListMemberships": own})
        now = iso(self.account.now())
        return {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}


def _answer(segment, left, limit, token):
    shown = left[:limit]
    content = {
        "results": [
            {"recordId": id_, "membershipTimestamp": iso(segment.members[id_])} for id_ in shown
        ],
        "total": len(segment.members),
    }
    if len(left) > len(shown):
        after = urlsafe_b64encode(token(shown).encode()).decode()
        content["paging"] = {"next": {"after": after, "link": "https://elsewhere.example/"}}
    return content
