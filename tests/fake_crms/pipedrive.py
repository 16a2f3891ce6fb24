"""Pipedrive API v2: lists by cursor, `updated_since`, deals that were deleted."""

from __future__ import annotations

from tests.fake_crms.crm import TOKEN, FakeCrm, Refused

PERSONS = {
    "filter_id",
    "ids",
    "owner_id",
    "org_id",
    "updated_since",
    "updated_until",
    "sort_by",
} | {
    *("sort_direction", "include_fields", "custom_fields", "limit", "cursor"),
}
DEALS = PERSONS | {"person_id", "pipeline_id", "stage_id", "status"}
MOST = 500
SIZE = "9dc80c50d78a15643bfc4ca79d76156a73a1ca0e"
FIELDS = [
    ("id", "ID", "int", None),
    ("name", "Name", "varchar", None),
    ("owner_id", "Owner", "user", None),
    (SIZE, "Size", "enum", [{"id": 12, "label": "small"}, {"id": 13, "label": "large"}]),
]


class Pipedrive(FakeCrm):
    """*kind* is persons, organizations or deals. Only deals that were deleted are listed."""

    def __init__(self, kind="persons", **settings):
        super().__init__(**settings)
        self.kind = kind

    def shown(self, id_, record):
        return {
            "id": int(id_),
            "name": record["name"],
            "owner_id": 1,
            "add_time": self.at(record["made"]),
            "update_time": self.at(record["changed"]),
            "is_deleted": "deleted" in record,
            "custom_fields": {SIZE: record.get("size")},
        }

    def answer(self, asked):
        assert asked.host == "api.pipedrive.com"
        if asked.headers.get("x-api-token") != TOKEN:
            raise Refused(401, {"success": False, "error": "unauthorized access"})
        if (asked.method, asked.path) == ("GET", f"/api/v2/{self.kind.removesuffix('s')}Fields"):
            return self._described(asked)
        if asked.method != "GET" or not asked.path.startswith(f"/api/v2/{self.kind}"):
            raise Refused(404, {"success": False, "error": "Unknown method ."})
        _, _, id_ = asked.path.removeprefix("/api/v2/").partition("/")
        if id_:
            return self._single(asked, id_)
        return self._list(asked)

    def _described(self, asked):
        asked.only("include_fields", "limit", "cursor")
        if not 1 <= int(asked.query.get("limit", 100)) <= MOST:
            raise Refused(400, {"success": False, "error": "validation failed"})
        fields = [
            {
                "field_code": code,
                "field_name": name,
                "field_type": kind,
                "options": options,
                "subfields": None,
                "is_custom_field": code == SIZE,
                "is_optional_response_field": False,
            }
            for code, name, kind, options in FIELDS
        ]
        return {"success": True, "data": fields, "additional_data": {"next_cursor": None}}

    def _single(self, asked, id_):
        asked.only("include_fields", "custom_fields")
        found = self.records.get(id_) or self.gone.get(id_)
        if found is None:
            raise Refused(404, {"success": False, "error": "not found"})
        return {"success": True, "data": self.shown(id_, found)}

    def _list(self, asked):
        asked.only(*(DEALS if self.kind == "deals" else PERSONS))
        query = asked.query
        limit = int(query.get("limit", 100))
        key, direction = query.get("sort_by", "id"), query.get("sort_direction", "asc")
        if not 1 <= limit <= MOST or key not in {"id", "update_time", "add_time"}:
            raise Refused(400, {"success": False, "error": "validation failed"})
        is_deleted = query.get("status") == "deleted"
        since = query.get("updated_since", "")
        listed = self.rows(self.gone if is_deleted else self.records)
        rows = [row for row in listed if row["update_time"] >= since]
        rows.sort(key=lambda row: (row[key], row["id"]), reverse=direction == "desc")
        start = int(query.get("cursor", 0))
        following = str(start + limit) if len(rows) > start + limit else None
        return {
            "success": True,
            "data": rows[start : start + limit],
            "additional_data": {"next_cursor": following},
        }

    def delete(self, *ids):
        self.update(*ids)
        super().delete(*ids)
