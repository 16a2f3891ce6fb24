"""Owners of the fake, as HubSpot's published description has them (CRM Owners, 2026-03 and v3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from starlette.routing import Route

from tests.fake_hubspot.account import iso
from tests.fake_hubspot.limits import RefusedError


@dataclass
class Owners:
    """The owners of an account."""

    account: object
    all: dict = field(default_factory=dict)
    serial: object = field(default_factory=lambda: count(41))

    def create(self, email=None, first="Ada", last="Byron", *, archived=False):
        """Create an owner, a queue where there is no email; return the id."""
        owner_id = str(next(self.serial))
        now = iso(self.account.now())
        self.all[owner_id] = {
            "id": owner_id,
            "type": "PERSON" if email else "QUEUE",
            **({"email": email} if email else {}),
            "firstName": first,
            "lastName": last,
            "userId": int(owner_id) + 9000,
            "userIdIncludingInactive": int(owner_id) + 9000,
            "createdAt": now,
            "updatedAt": now,
            "archived": archived,
        }
        return owner_id

    def change(self, owner_id, **properties):
        """Change an owner."""
        self.all[owner_id] |= properties

    def routes(self, answering):
        """Return the routes; *answering* makes an endpoint of each method."""
        return [
            route
            for base in ("/crm/owners/2026-03", "/crm/v3/owners")
            for route in (
                Route(base, answering(self._owners), methods=["GET"]),
                Route(f"{base}/{{owner}}", answering(self._owner), methods=["GET"]),
            )
        ]

    def _owners(self, _object, request, _raw):
        query = request.query_params
        limit = int(query.get("limit", "100"))
        if set(query) - {"limit", "after", "archived", "email"} or not 1 <= limit <= 500:
            raise RefusedError(400, "Bad parameters", category="VALIDATION_ERROR")
        wanted = query.get("archived", "false") == "true"
        found = [one for one in self.all.values() if one["archived"] == wanted]
        start = int(query.get("after", "0"))
        content = {"results": found[start : start + limit]}
        if len(found) > start + limit:
            link = "https://elsewhere.example/"
            content["paging"] = {"next": {"after": str(start + limit), "link": link}}
        return content

    def _owner(self, _object, request, _raw):
        if set(request.query_params) - {"archived", "idProperty"}:
            raise RefusedError(400, "Bad parameters", category="VALIDATION_ERROR")
        wanted = request.query_params.get("archived", "false") == "true"
        one = self.all.get(request.path_params["owner"])
        if one is None or one["archived"] != wanted:
            raise RefusedError(404, "resource not found", category="OBJECT_NOT_FOUND")
        return one
