"""Attio, REST API v2: a query by POST, whose values are lists."""

from __future__ import annotations

from uuid import UUID

from tests.fake_crms.crm import TOKEN, FakeCrm, Refused, page

WORKSPACE = "14beef7a-99f7-4534-a87e-70b564330a4c"


ATTRIBUTES = (
    ("record_id", "Record ID", "text"),
    ("name", "Name", "personal-name"),
    ("email_addresses", "Email addresses", "email-address"),
    ("stage", "Deal stage", "status"),
)


def attribute(slug, title, kind):
    """Return an attribute as the API lists it."""
    ids = {"workspace_id": WORKSPACE, "object_id": WORKSPACE, "attribute_id": WORKSPACE}
    return {"id": ids, "title": title, "description": None, "api_slug": slug, "type": kind}


class Attio(FakeCrm):
    """Records of one object, by its slug."""

    def __init__(self, object_="people", **settings):
        super().__init__(**settings)
        self.object = object_

    def new_id(self, serial):
        return str(UUID(int=serial << 64 | 0x8000 << 48, version=4))

    def wrong(self, status, code):
        kind = "invalid_request_error"
        return Refused(status, {"status_code": status, "type": kind, "code": code, "message": ""})

    def answer(self, asked):
        assert asked.host == "api.attio.com"
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, {"status_code": 401, "type": "auth_error", "code": "unauthorized"})
        if (asked.method, asked.path) == ("GET", f"/v2/objects/{self.object}/attributes"):
            asked.only("limit", "offset", "show_archived")
            return {"data": [attribute(*one) for one in ATTRIBUTES]}
        base = f"/v2/objects/{self.object}/records/"
        if not asked.path.startswith(base):
            raise self.wrong(404, "not_found")
        asked.only()
        below = asked.path.removeprefix(base)
        if below == "query" and asked.method == "POST":
            return self._query(asked.body)
        if asked.method != "GET" or below not in self.records:
            raise self.wrong(404, "not_found")
        return {"data": self.shown(below, self.records[below])}

    def _query(self, body):
        if body.keys() - {"filter", "filter_view", "sorts", "limit", "offset"}:
            raise self.wrong(400, "validation_type")
        limit, offset = body.get("limit", 500), body.get("offset", 0)
        is_right = isinstance(limit, int) and 1 <= limit <= 500 and isinstance(offset, int)
        if not is_right or body.get("sorts") != [{"attribute": "created_at", "direction": "asc"}]:
            raise self.wrong(400, "validation_type")
        rows = sorted(self.records, key=lambda id_: (self.records[id_]["made"], id_))
        found, _ = page(rows, offset, limit)
        return {"data": [self.shown(id_, self.records[id_]) for id_ in found]}

    def shown(self, id_, record):
        active = {"active_from": self.at(record["changed"], "%Y-%m-%dT%H:%M:%S.000000000Z")}
        name = {**active, "full_name": record["name"], "value": record["name"]}
        return {
            "id": {"workspace_id": WORKSPACE, "object_id": WORKSPACE, "record_id": id_},
            "created_at": self.at(record["made"], "%Y-%m-%dT%H:%M:%S.061281000Z"),
            "values": {"name": [name], "email_addresses": [], "company": []},
        }
