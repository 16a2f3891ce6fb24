"""Associations of the fake: which records belong to which, with labels, and what HubSpot answers.

Paths and shapes are those of HubSpot's published description (CRM Associations, 2026-03, and v4
before it): a record that has none is an error of its own in an answer of several statuses (207),
whose subcategory says so. What the description does not say is a switch here: how many records one
request may ask about, how many associations a page holds, whether ids are texts or numbers, and
whether a record without associations is told of at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count

from starlette.routing import Route

from tests.fake_hubspot.account import iso
from tests.fake_hubspot.limits import RefusedError

PRIMARY = {
    ("contacts", "companies"): (1, "Primary", 279),
    ("companies", "contacts"): (2, "Contact with Primary Company", 280),
    ("deals", "companies"): (5, "Primary", 341),
    ("companies", "deals"): (6, "Deal with Primary Company", 342),
}
"""The types that HubSpot defines between two types of objects: the primary one, and without."""

HUBSPOT, USER = "HUBSPOT_DEFINED", "USER_DEFINED"


@dataclass
class Associations:
    """The associations of an account: type ids by pair of types, record and record."""

    account: object
    links: dict = field(default_factory=dict)
    types: dict = field(default_factory=dict)
    most_inputs: int = 1000
    page: int = 100
    numbers: bool = False
    tells_of_none: bool = True
    forbidden: set = field(default_factory=set)
    serial: object = field(default_factory=lambda: count(5000))

    def of(self, from_, to):
        """Return the labels of a pair: category and text by type id."""
        if (from_, to) not in self.types:
            primary, label, plain = PRIMARY.get((from_, to), (None, None, next(self.serial)))
            found = {plain: (HUBSPOT, None)}
            if primary is not None:
                found[primary] = (HUBSPOT, label)
            self.types[from_, to] = found
        return self.types[from_, to]

    def label(self, from_, to, text):
        """Define a label of the account's own; return its type id."""
        number = next(self.serial)
        self.of(from_, to)[number] = (USER, text)
        return number

    def plain(self, from_, to):
        """Return the type id of associations that have no label."""
        return next(number for number, (_, text) in self.of(from_, to).items() if text is None)

    def primary(self, from_, to):
        """Return the type id of the primary association."""
        return PRIMARY[from_, to][0]

    def associate(self, from_, id_, to, other, *types):
        """Associate two records, under labels where their *types* are given."""
        own = self.links.setdefault((from_, to), {}).setdefault(id_, {})
        own.setdefault(other, {self.plain(from_, to)}).update(types)

    def dissociate(self, from_, id_, to, *others):
        """End associations of a record, all of one type where no record is named."""
        own = self.links.get((from_, to), {}).get(id_, {})
        for other in others or tuple(own):
            own.pop(other, None)

    def found(self, from_, id_, to):
        """Return the type ids of a record's associations, by the other record's id."""
        return self.links.get((from_, to), {}).get(id_, {})

    def show(self, from_, to, records):
        """Show in *records* of a list which others they are associated with."""
        for one in records:
            if links := self.found(from_, one["id"], to):
                others = [{"id": id_, "type": f"{from_}_to_{to}"} for id_ in sorted(links, key=int)]
                one.setdefault("associations", {})[to] = {"results": others}

    def routes(self, answering):
        """Return the routes; *answering* makes an endpoint of each method."""
        return [
            route
            for base in ("/crm/associations/2026-03", "/crm/v4/associations")
            for route in (
                Route(
                    f"{base}/{{object}}/{{to}}/batch/read",
                    answering(self._associations),
                    methods=["POST"],
                ),
                Route(f"{base}/{{object}}/{{to}}/labels", answering(self._labels), methods=["GET"]),
            )
        ]

    def _to(self, from_, request):
        to = request.path_params["to"]
        if to not in self.account.types:
            why = f"Unable to infer object type from: {to}"
            raise RefusedError(404, why, category="OBJECT_NOT_FOUND")
        if (from_, to) in self.forbidden:
            why = "This app hasn't been granted all required scopes"
            raise RefusedError(403, why, category="MISSING_SCOPES")
        return to

    def _labels(self, from_, request, _raw):
        to = self._to(from_, request)
        return {
            "results": [
                {"category": category, "typeId": number, "label": text}
                for number, (category, text) in self.of(from_, to).items()
            ]
        }

    def _associations(self, from_, request, raw):
        to, body = self._to(from_, request), json.loads(raw)
        inputs = body["inputs"]
        if set(body) != {"inputs"} or any(set(one) - {"id", "after"} for one in inputs):
            raise RefusedError(400, "Bad batch", category="VALIDATION_ERROR")
        if not 1 <= len(inputs) <= self.most_inputs:
            raise RefusedError(400, "Too many inputs", category="VALIDATION_ERROR")
        results, errors = [], []
        for one in inputs:
            id_ = one["id"]
            record = self.account.records[from_].get(id_)
            if record is None or record.archived_at is not None:
                context = {"ids": [id_]}
                why = "Could not get some objects, they may be deleted or not exist."
                errors.append(_error(why, context))
            elif links := self.found(from_, id_, to):
                results.append(self._shown(from_, to, id_, links, int(one.get("after", 0))))
            elif self.tells_of_none:
                context = {"fromObjectId": [id_], "fromObjectType": [from_], "toObjectType": [to]}
                why = f"No {to} is associated with {from_} {id_}."
                none = "crm.associations.NO_ASSOCIATIONS_FOUND"
                errors.append(_error(why, context) | {"subCategory": none})
        now = iso(self.account.now())
        content = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
        return content | ({"numErrors": len(errors), "errors": errors} if errors else {})

    def _shown(self, from_, to, id_, links, start):
        ids = sorted(links, key=int)
        known = self.of(from_, to)
        shown = {
            "from": {"id": id_},
            "to": [
                {
                    "toObjectId": int(other) if self.numbers else other,
                    "associationTypes": [
                        {"category": known[one][0], "typeId": one, "label": known[one][1]}
                        for one in sorted(links[other], reverse=True)
                    ],
                }
                for other in ids[start : start + self.page]
            ],
        }
        if len(ids) > start + self.page:
            link = "https://elsewhere.example/"
            shown["paging"] = {"next": {"after": str(start + self.page), "link": link}}
        return shown


def _error(why, context):
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": why, "context": context}
