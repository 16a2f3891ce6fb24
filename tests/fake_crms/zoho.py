"""Zoho CRM API v8: fields by name, times in a header, 2,000 records by page number."""

from __future__ import annotations

from datetime import datetime

from tests.fake_crms.crm import TOKEN, FakeCrm, Refused

LISTS = {"fields", "cvid", "ids", "page", "per_page", "page_token", "sort_by", "sort_order"} | {
    *("converted", "approved", "territory_id", "include_child"),
}
ZONE = "+05:30"
FIELDS = {
    *(
        "id",
        "Name",
        "Last_Name",
        "First_Name",
        "Email",
        "Phone",
        "Company",
        "Lead_Status",
        "Lead_Source",
    ),
    *("Owner", "Account_Name", "Website", "Industry", "Deal_Name", "Stage", "Amount"),
    *("Closing_Date", "Contact_Name", "Modified_Time", "Created_Time"),
}
TYPES = {
    "id": "bigint",
    "Email": "email",
    "Phone": "phone",
    "Amount": "currency",
    "Owner": "ownerlookup",
    "Modified_Time": "datetime",
    "Created_Time": "datetime",
}
PICK_LISTS = {
    "Lead_Status": [("Not contacted", "Not Contacted"), ("Contacted", "Contacted")],
    "Stage": [("Qualification", "Qualification"), ("Won", "Closed Won")],
}
REFRESH = {
    "grant_type": "refresh_token",
    "refresh_token": "a-refresh-token",
    "client_id": "a-client-id",
    "client_secret": "a-client-secret",
}


class Zoho(FakeCrm):
    """One module. Times are written with the offset of the user, 5 hours and a half."""

    def __init__(self, module="Leads", **settings):
        super().__init__(**settings)
        self.module = module
        self.tokens = 0
        self.may_read_fields = True

    def new_id(self, serial):
        return f"{4876876000000000000 + serial}"

    def local(self, microseconds):
        return self.at(microseconds + 19_800_000_000, f"%Y-%m-%dT%H:%M:%S{ZONE}")

    def answer(self, asked):
        if asked.host == "accounts.zoho.com":
            return self._token(asked)
        assert asked.host == "www.zohoapis.com"
        if asked.headers.get("authorization") != f"Zoho-oauthtoken {TOKEN}{self.tokens}":
            raise Refused(401, {"code": "INVALID_TOKEN", "status": "error"})
        path = asked.path.removeprefix("/crm/v8/")
        if (asked.method, path) == ("GET", "settings/fields"):
            return self._described(asked)
        if asked.method != "GET" or not path.startswith(self.module):
            raise Refused(404, {"code": "INVALID_URL_PATTERN", "status": "error"})
        below = path.removeprefix(self.module).strip("/")
        if below == "deleted":
            return self._deleted(asked)
        return self._single(asked, below) if below else self._list(asked)

    def _token(self, asked):
        assert (asked.method, asked.path) == ("POST", "/oauth/v2/token")
        if asked.form != REFRESH:
            raise Refused(400, {"error": "invalid_client"})
        self.tokens += 1
        told = {"access_token": f"{TOKEN}{self.tokens}", "api_domain": "https://www.zohoapis.com"}
        return told | {"token_type": "Bearer", "expires_in": 3600}

    def _described(self, asked):
        asked.only("module", "type", "include")
        if not self.may_read_fields:
            why = "invalid oauth scope to access this URL"
            told = {"code": "OAUTH_SCOPE_MISMATCH", "message": why, "status": "error"}
            raise Refused(401, told)
        if asked.query.get("module") != self.module:
            raise Refused(400, {"code": "INVALID_MODULE", "status": "error"})
        return {"fields": [self._field(name) for name in sorted(FIELDS)]}

    def _field(self, name):
        options = PICK_LISTS.get(name, ())
        return {
            "api_name": name,
            "field_label": name.replace("_", " "),
            "data_type": "picklist" if options else TYPES.get(name, "text"),
            "custom_field": False,
            "pick_list_values": [
                {"display_value": shown, "actual_value": value, "type": "used", "id": "4876876"}
                for shown, value in options
            ],
        }

    def _since(self, asked):
        """Return the time that only what is later than it is asked for, in microseconds."""
        text = asked.headers.get("if-modified-since")
        if text is None:
            return -1
        if text[-6:-5] not in {"+", "-"}:
            raise Refused(400, {"code": "INVALID_DATA", "status": "error"})
        return int(datetime.fromisoformat(text).timestamp()) * 1_000_000

    def _fields(self, asked):
        names = asked.query.get("fields", "").split(",")
        if names == [""]:
            raise Refused(400, {"code": "REQUIRED_PARAM_MISSING", "status": "error"})
        if len(names) > 50 or not FIELDS.issuperset(names) or len(set(names)) < len(names):
            raise Refused(400, {"code": "LIMIT_EXCEEDED", "status": "error"})
        return names

    def _whole(self, id_, record):
        return {
            "id": id_,
            **dict.fromkeys(("Last_Name", "Account_Name", "Deal_Name", "Name"), record["name"]),
            "Owner": {"name": "Ada", "id": "4876876000000000001"},
            "Modified_Time": self.local(record["changed"]),
            "Created_Time": self.local(record["made"]),
        }

    def _single(self, asked, id_):
        asked.only("fields")
        if id_ not in self.records:
            raise Refused(204)
        found = self._whole(id_, self.records[id_])
        return {"data": [{name: found.get(name) for name in self._fields(asked)}]}

    def _list(self, asked):
        asked.only(*LISTS)
        query = asked.query
        names, since = self._fields(asked), self._since(asked)
        if "page" in query and "page_token" in query:
            raise Refused(400, {"code": "AMBIGUITY_DURING_PROCESSING", "status": "error"})
        rows = [
            (id_, one)
            for id_, one in self.records.items()
            if one["changed"] // 1_000_000 * 1_000_000 > since
        ]
        key = {"id": "id", "Modified_Time": "changed", "Created_Time": "made"}[
            query.get("sort_by", "id")
        ]
        rows.sort(
            key=lambda row: row[0] if key == "id" else row[1][key] // 1_000_000,
            reverse=query.get("sort_order", "desc") == "desc",
        )
        start, limit = self._start(query)
        if start >= 2000 and "page_token" not in query:
            raise Refused(400, {"code": "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "status": "error"})
        if not rows:
            raise Refused(304 if since > 0 else 204)
        page = [self._whole(*row) for row in rows[start : start + limit]]
        is_more = len(rows) > start + limit
        return {
            "data": [{name: one.get(name) for name in {"id", *names}} for one in page],
            "info": {
                "per_page": limit,
                "count": len(page),
                "more_records": is_more,
                "next_page_token": f"t{start + limit}" if is_more else None,
            },
        }

    def _start(self, query):
        limit = int(query.get("per_page", 200))
        if not 1 <= limit <= 200:
            raise Refused(400, {"code": "INVALID_DATA", "status": "error"})
        if "page_token" in query:
            return int(query["page_token"].removeprefix("t")), limit
        return (int(query.get("page", 1)) - 1) * limit, limit

    def _deleted(self, asked):
        asked.only("type", "page", "per_page")
        assert asked.query.get("type", "all") in {"all", "recycle", "permanent"}
        since, (start, limit) = self._since(asked), self._start(asked.query)
        rows = [(id_, one["deleted"]) for id_, one in self.gone.items() if one["deleted"] > since]
        rows.sort(key=lambda row: row[1], reverse=True)
        if not rows:
            raise Refused(304 if since > 0 else 204)
        return {
            "data": [
                {"id": id_, "type": "recycle", "deleted_time": self.local(at)}
                for id_, at in rows[start : start + limit]
            ],
            "info": {"page": start // limit + 1, "more_records": len(rows) > start + limit},
        }
