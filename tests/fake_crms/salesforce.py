"""Salesforce: SOQL as far as the preset needs it, the recycle bin, results that are kept."""

from __future__ import annotations

import re

from tests.fake_crms.crm import TOKEN, FakeCrm, Refused

HOST = "acme.my.salesforce.com"
DATA = "/services/data/v62.0"
SOQL = re.compile(
    r"SELECT (?P<fields>[\w,]+) FROM (?P<object>\w+)"
    r"(?: WHERE SystemModstamp >= (?P<since>\S+) ORDER BY SystemModstamp, Id)?"
)
LITERAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z")
SYSTEM = {"Id", "IsDeleted", "CreatedDate", "SystemModstamp"}
FIELDS = {
    "Contact": {"FirstName", "LastName", "Email", "Phone", "Title", "AccountId", "OwnerId"},
    "Account": {"Name", "Phone", "Website", "Industry", "OwnerId"},
    "Lead": {"FirstName", "LastName", "Email", "Phone", "Company", "Status", "OwnerId"},
    "Opportunity": {
        *("Name", "StageName", "Amount", "CloseDate", "IsWon", "AccountId", "OwnerId"),
    },
    "Order__c": {"Name", "Number__c"},
}
TYPES = {
    "Id": "id",
    "IsDeleted": "boolean",
    "CreatedDate": "datetime",
    "SystemModstamp": "datetime",
    "AccountId": "reference",
    "OwnerId": "reference",
    "Email": "email",
    "Phone": "phone",
    "Amount": "currency",
    "CloseDate": "date",
    "IsWon": "boolean",
    "Website": "url",
}
LABELS = {"FirstName": "First Name", "LastName": "Last Name", "StageName": "Stage"}
PICKLISTS = {
    "Status": ["Open - Not Contacted", "Working - Contacted", "Closed - Converted"],
    "StageName": ["Prospecting", "Negotiation/Review", "Closed Won", "Closed Lost"],
    "Industry": ["Agriculture", "Banking"],
}
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "a-client-id",
    "client_secret": "a-client-secret",
}


class Salesforce(FakeCrm):
    """One object. *batch* is how many records an answer has, which the server decides."""

    def __init__(self, object_="Contact", *, batch=500, **settings):
        super().__init__(**settings)
        self.object = object_
        self.host = HOST
        self.batch = batch
        self.tokens = 0
        self.is_used_up = False
        self.lose_after = 10**9
        self._kept = {}

    def new_id(self, serial):
        return f"0035g00000{serial:05}AAA"

    def written(self, microseconds):
        millis = microseconds // 1000 % 1000
        return self.at(microseconds, f"%Y-%m-%dT%H:%M:%S.{millis:03}+0000")

    def answer(self, asked):
        assert asked.host == self.host
        if asked.path == "/services/oauth2/token":
            if asked.method != "POST" or asked.form != CLIENT:
                raise Refused(400, {"error": "invalid_client_id"})
            self.tokens += 1
            told = {"access_token": f"{TOKEN}{self.tokens}", "token_type": "Bearer"}
            return told | {"instance_url": f"https://{self.host}", "issued_at": "1772323200000"}
        if asked.headers.get("authorization") != f"Bearer {TOKEN}{self.tokens}":
            raise self.wrong(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.is_used_up:
            raise self.wrong(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        assert asked.method == "GET"
        headers = {"Sforce-Limit-Info": "api-usage=18/15000"}
        return self._routed(asked), headers

    def wrong(self, status, code, message):
        return Refused(status, [{"message": message, "errorCode": code}])

    def _routed(self, asked):
        path = asked.path.removeprefix(f"{DATA}/")
        if path in {"query", "queryAll"}:
            asked.only("q")
            return self._query(asked.query["q"], is_all=path == "queryAll")
        if path.startswith(("query/", "queryAll/")):
            return self._more(path.partition("/")[2])
        if path == f"sobjects/{self.object}/describe":
            asked.only()
            return self._described()
        if path.startswith(f"sobjects/{self.object}/"):
            asked.only("fields")
            return self._single(path.rpartition("/")[2], asked.query["fields"].split(","))
        raise self.wrong(404, "NOT_FOUND", "The requested resource does not exist")

    def _described(self):
        fields = [self._field(name) for name in sorted(SYSTEM | FIELDS[self.object])]
        return {"name": self.object, "label": self.object, "custom": False, "fields": fields}

    def _field(self, name):
        options = PICKLISTS.get(name, ())
        return {
            "name": name,
            "label": LABELS.get(name, name),
            "type": "picklist" if options else TYPES.get(name, "string"),
            "nillable": name not in SYSTEM,
            "restrictedPicklist": False,
            "picklistValues": [
                {
                    "active": True,
                    "defaultValue": False,
                    "label": one,
                    "validFor": None,
                    "value": one,
                }
                for one in options
            ],
            "referenceTo": ["User"] if name == "OwnerId" else [],
        }

    def _checked(self, names):
        known = SYSTEM | FIELDS[self.object]
        if unknown := [name for name in names if name not in known]:
            raise self.wrong(400, "INVALID_FIELD", f"No such column '{unknown[0]}'")
        if len(set(names)) < len(names):
            raise self.wrong(400, "MALFORMED_QUERY", "duplicate field selected")
        return names

    def _query(self, soql, *, is_all):
        found = SOQL.fullmatch(soql)
        if found is None or (found["since"] and not LITERAL.fullmatch(found["since"])):
            raise self.wrong(400, "MALFORMED_QUERY", f"unexpected token: {soql}")
        if found["object"] != self.object:
            raise self.wrong(400, "INVALID_TYPE", "sObject type is not supported")
        names = self._checked(found["fields"].split(","))
        since = (found["since"] or "").removesuffix("Z")
        rows = {**self.records, **(self.gone if is_all else {})}
        ordered = sorted(
            (one["changed"], id_)
            for id_, one in rows.items()
            if self.written(one["changed"]) >= since
        )
        shown = [self.shown(id_, rows[id_], names) for _, id_ in ordered]
        locator = f"0r8xx{len(self._kept)}AAA"
        self._kept[locator] = shown
        return self._batch(locator, 0)

    def _more(self, place):
        locator, _, start = place.partition("-")
        self.lose_after -= 1
        if self.lose_after == 0:
            self._kept.clear()
        if locator not in self._kept:
            raise self.wrong(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._batch(locator, int(start))

    def _batch(self, locator, start):
        rows = self._kept[locator]
        end = start + self.batch
        told = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[start:end]}
        if not told["done"]:
            told["nextRecordsUrl"] = f"{DATA}/query/{locator}-{end}"
        return told

    def _single(self, id_, names):
        if id_ not in self.records:
            code = "ENTITY_IS_DELETED" if id_ in self.gone else "NOT_FOUND"
            raise self.wrong(404, code, "entity is deleted")
        return self.shown(id_, self.records[id_], self._checked(names))

    def shown(self, id_, record, names):
        whole = {
            "Id": id_,
            "IsDeleted": "deleted" in record,
            "CreatedDate": self.written(record["made"]),
            "SystemModstamp": self.written(record["changed"]),
            "LastName": record["name"],
            "Name": record["name"],
        }
        url = f"{DATA}/sobjects/{self.object}/{id_}"
        return {
            "attributes": {"type": self.object, "url": url},
            **{name: whole.get(name) for name in names},
        }

    def delete(self, *ids):
        self.update(*ids)
        super().delete(*ids)
