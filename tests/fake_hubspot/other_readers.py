"""What other readers ask the fake for: names in the singular, and paths from earlier versions.

That is what Airbyte's source-hubspot asks HubSpot for. It writes filters without a group, as
HubSpot takes them too, and some of their values as JSON numbers.
"""

from __future__ import annotations

import json

from starlette.routing import Route

PLURALS = {"contact": "contacts", "company": "companies", "deal": "deals"}
"""What types of objects are called that may be named in the singular."""


class OtherReaders:
    """Answers other readers from a *fake*."""

    def __init__(self, fake):
        self.fake = fake

    def routes(self, answering):
        """Return the routes; *answering* makes an endpoint of each method."""
        return [
            Route("/crm/v3/schemas", answering(self._schemas), methods=["GET"]),
            *(
                route
                for singular in PLURALS
                for objects, to in (
                    (f"/crm/v3/objects/{singular}", f"/crm/v4/associations/{singular}"),
                )
                for route in (
                    Route(
                        f"/properties/v2/{singular}/properties",
                        answering(self._properties),
                        methods=["GET"],
                    ),
                    Route(objects, answering(self._list), methods=["GET"]),
                    Route(f"{objects}/search", answering(self._search), methods=["POST"]),
                    Route(
                        f"{to}/{{to}}/batch/read", answering(self._associations), methods=["POST"]
                    ),
                )
            ),
        ]

    def _schemas(self, _object, _request, _raw):
        return {"results": []}

    def _properties(self, _object, request, raw):
        return self.fake._properties(_plural(request), request, raw)["results"]

    def _list(self, _object, request, raw):
        return self.fake._list(_plural(request), request, raw)

    def _search(self, _object, request, raw):
        body = json.loads(raw)
        filters = [one | {"value": str(one["value"])} for one in body.pop("filters")]
        body["filterGroups"] = [{"filters": filters}]
        return self.fake._search(_plural(request), request, json.dumps(body).encode())

    def _associations(self, _object, request, raw):
        return self.fake.associations._associations(_plural(request), request, raw)


def _plural(request):
    """Return the type of objects that a request is about, from its path."""
    parts = request.url.path.split("/")
    return next(PLURALS[part] for part in parts if part in PLURALS)
