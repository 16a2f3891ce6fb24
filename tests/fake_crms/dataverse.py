"""Microsoft Dataverse, Web API v9.2: change tracking by delta links, which end some day."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from tests.fake_crms.crm import TOKEN, FakeCrm, Refused

HOST = "acme.crm.dynamics.com"
LOGIN = "login.microsoftonline.com"
BASE = "/api/data/v9.2"
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "a-client-id",
    "client_secret": "a-client-secret",
    "scope": f"https://{HOST}/.default",
}
KEYS = {
    "accounts": "accountid",
    "contacts": "contactid",
    "leads": "leadid",
    "opportunities": "opportunityid",
    "new_orders": "new_orderid",
}
COLUMNS = {
    *(
        "name",
        "accountnumber",
        "emailaddress1",
        "telephone1",
        "websiteurl",
        "firstname",
        "lastname",
    ),
    *("jobtitle", "companyname", "subject", "statecode", "estimatedvalue", "estimatedclosedate"),
    *("modifiedon", "createdon"),
}


TYPES = {"modifiedon": "DateTime", "createdon": "DateTime", "statecode": "State"}


def attribute(name):
    """Return a column as the definition of its table has it."""
    label = {"Label": name.capitalize(), "LanguageCode": 1033}
    return {
        "LogicalName": name,
        "AttributeType": TYPES.get(name, "String"),
        "DisplayName": {"LocalizedLabels": [label], "UserLocalizedLabel": label},
    }


class Dataverse(FakeCrm):
    """One table, whose changes are tracked. `expire` ends all links that were given."""

    def __init__(self, table="accounts", **settings):
        super().__init__(**settings)
        self.table = table
        self.key = KEYS[table]
        self.tokens = 0
        self._links = {}
        self._versions = {}
        self._version = 0

    def new_id(self, serial):
        return str(UUID(int=0x60C4E2740D87E71180E500155D000000 + serial))

    def create(self, count=1, **settings):
        return self._noted(super().create(count, **settings))

    def update(self, *ids, **members):
        super().update(*ids, **members)
        self._noted(ids)

    def delete(self, *ids):
        super().delete(*ids)
        self._noted(ids)

    def expire(self):
        self._links.clear()

    def _noted(self, ids):
        for id_ in ids:
            self._version += 1
            self._versions[id_] = self._version
        return ids

    def wrong(self, status, message):
        return Refused(status, {"error": {"code": "0x80040203", "message": message}})

    def answer(self, asked):
        if asked.host == LOGIN:
            return self._token(asked)
        assert (asked.method, asked.host) == ("GET", HOST)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}{self.tokens}":
            raise Refused(401)
        if asked.headers.get("odata-version") != "4.0":
            raise self.wrong(400, "the version of OData is missing")
        path = asked.path.removeprefix(f"{BASE}/")
        if path == "EntityDefinitions":
            return self._described(asked)
        if path == self.table:
            return self._list(asked)
        if path.startswith(f"{self.table}("):
            asked.only("$select")
            id_ = path.removeprefix(f"{self.table}(").removesuffix(")")
            if id_ not in self.records:
                raise self.wrong(404, f"Entity With Id = {id_} Does Not Exist")
            return self._shown(id_, self._selected(asked.query))
        raise self.wrong(404, "Resource not found for the segment")

    def _described(self, asked):
        asked.only("$select", "$filter", "$expand")
        wanted = "Attributes($select=LogicalName,AttributeType,DisplayName)"
        if asked.query.get("$expand") != wanted:
            raise self.wrong(400, "the attributes are not asked for")
        is_own = asked.query.get("$filter") == f"EntitySetName eq '{self.table}'"
        columns = [attribute(name) for name in sorted(COLUMNS | {self.key})]
        found = {"LogicalName": self.key[:-2], "Attributes": columns}
        return {"value": [found] if is_own else []}

    def _token(self, asked):
        assert (asked.method, asked.path) == ("POST", "/contoso/oauth2/v2.0/token")
        if asked.form != CLIENT:
            raise Refused(401, {"error": "invalid_client"})
        self.tokens += 1
        return {"access_token": f"{TOKEN}{self.tokens}", "token_type": "Bearer", "expires_in": 3599}

    def _selected(self, query):
        names = query["$select"].split(",")
        unknown = [name for name in names if name not in COLUMNS | {self.key}]
        if unknown:
            raise self.wrong(400, f"Could not find a property named '{unknown[0]}'")
        return names

    def _list(self, asked):
        asked.only("$select", "$filter", "$orderby", "$deltatoken", "$skiptoken")
        wishes = asked.headers.get("prefer", "").split(",")
        if "odata.track-changes" not in wishes:
            raise self.wrong(400, "changes are not asked for")
        size = next(
            (int(one.partition("=")[2]) for one in wishes if one.startswith("odata.maxpagesize=")),
            5000,
        )
        names = self._selected(asked.query)
        name = asked.query.get("$deltatoken") or asked.query.get("$skiptoken")
        if name is not None and name not in self._links:
            raise self.wrong(400, "Version stamp associated with the client has expired")
        rows, until = self._links.get(name, (None, 0))
        if rows is None:
            # A delta link has the version that it begins behind; a page has what is left to tell.
            since, until = until, self._version
            rows = self._changed(since)
        told = {
            "@odata.context": f"https://{HOST}{BASE}/$metadata#{self.table}/$delta",
            "value": [self._shown(id_, names) for id_ in rows[:size]],
        }
        if len(rows) > size:
            told["@odata.nextLink"] = self._link(names, "$skiptoken", (rows[size:], until))
        else:
            told["@odata.deltaLink"] = self._link(names, "$deltatoken", (None, until))
        return told

    def _changed(self, since):
        """Return the ids of what changed behind a version: of a first read, of what is there."""
        return [
            id_
            for id_, version in sorted(self._versions.items(), key=lambda one: one[1])
            if version > since and (since or id_ in self.records)
        ]

    def _link(self, names, parameter, state):
        token = f"{len(self._links)}!{self._version}"
        self._links[token] = state
        query = urlencode({"$select": ",".join(names), parameter: token}, safe="$,")
        return f"https://{HOST}{BASE}/{self.table}?{query}"

    def _shown(self, id_, names):
        if id_ not in self.records:
            context = f"https://{HOST}{BASE}/$metadata#{self.table}/$deletedEntity"
            return {"@odata.context": context, "id": id_, "reason": "deleted"}
        record = self.records[id_]
        whole = {
            "createdon": self.at(record["made"]),
            "modifiedon": self.at(record["changed"]),
            **dict.fromkeys(("name", "lastname", "subject"), record["name"]),
        }
        tag = {"@odata.etag": f'W/"{self._versions[id_]}"'}
        return {**tag, **{name: whole.get(name) for name in names}, self.key: id_}
