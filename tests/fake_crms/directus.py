"""Directus: items of a collection, filters in JSON, 403 for what is not there."""

from __future__ import annotations

import json

from tests.fake_crms.crm import TOKEN, FakeCrm, Refused, page

PARAMETERS = {"fields", "filter", "search", "sort", "limit", "offset", "page", "meta"} | {
    *("aggregate", "groupBy", "deep", "alias", "export", "version"),
}
MOST = 100
FORBIDDEN = {
    "errors": [{"message": "You don't have permission.", "extensions": {"code": "FORBIDDEN"}}]
}
FIELDS = [
    {"collection": "contacts", "field": "id", "type": "integer", "meta": None},
    {
        "collection": "contacts",
        "field": "stage",
        "type": "string",
        "meta": {"options": {"choices": [{"text": "A lead", "value": "lead"}, {"value": "won"}]}},
    },
    {"collection": "contacts", "field": "name", "type": "string", "meta": {"options": None}},
]


class Directus(FakeCrm):
    """One collection; a limit of more than `MOST` is refused."""

    usual = frozenset({403})

    def shown(self, id_, record):
        is_changed = record["changed"] != record["made"]
        return {
            "id": int(id_),
            "name": record["name"],
            "date_created": self.at(record["made"]),
            "date_updated": self.at(record["changed"]) if is_changed else None,
        }

    def answer(self, asked):
        assert asked.host == "crm.example.com"
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, {"errors": [{"extensions": {"code": "INVALID_CREDENTIALS"}}]})
        if (asked.method, asked.path) == ("GET", "/fields/contacts"):
            asked.only()
            return {"data": FIELDS}
        collection, _, id_ = asked.path.removeprefix("/items/").partition("/")
        if asked.method != "GET" or collection != "contacts":
            raise Refused(403, FORBIDDEN)
        if id_:
            asked.only("fields")
            if id_ not in self.records:
                raise Refused(403, FORBIDDEN)
            return {"data": self.shown(id_, self.records[id_])}
        return {"data": self._list(asked)}

    def _list(self, asked):
        asked.only(*PARAMETERS)
        query = asked.query
        limit = int(query.get("limit", 100))
        if not 1 <= limit <= MOST or query.get("sort") != "id":
            raise Refused(400, {"errors": [{"extensions": {"code": "INVALID_QUERY"}}]})
        rule = json.loads(query.get("filter", "{}"))
        rows = [row for row in self.rows(self.records) if holds(rule, row)]
        rows.sort(key=lambda row: row["id"])
        found, _ = page(rows, (int(query.get("page", 1)) - 1) * limit, limit)
        names = query.get("fields", "*")
        return found if names == "*" else [{name: row[name] for name in [names]} for row in found]


def holds(rule, row):
    """Return whether *row* fits a filter rule; a text that is no time is compared as one."""
    for name, one in rule.items():
        if name in {"_and", "_or"}:
            if not (all if name == "_and" else any)(holds(each, row) for each in one):
                return False
            continue
        ((operator, value),) = one.items()
        found = row[name]
        match operator:
            case "_gte":
                is_so = found is not None and found >= value[:19] + "Z"
            case "_null":
                is_so = (found is None) == value
            case _:
                raise Refused(400, {"errors": [{"extensions": {"code": "INVALID_QUERY"}}]})
        if not is_so:
            return False
    return True
