"""The paths of the fake: list, search, batch read and properties, in both versions' forms."""

from __future__ import annotations

import json
import re
import threading
import time
from bisect import bisect_right
from collections import Counter
from contextlib import contextmanager
from email.utils import formatdate

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fake_hubspot.account import modified_name
from tests.fake_hubspot.associations import Associations
from tests.fake_hubspot.limits import (
    LONGEST_URL,
    Rate,
    RefusedError,
    check_names,
    check_search,
)
from tests.fake_hubspot.lists import LISTS, Lists
from tests.fake_hubspot.other_readers import OtherReaders
from tests.fake_hubspot.owners import Owners


class FakeHubspot:
    """A server over an account.

    *fault* is asked before each request, by its kind (`list`, `archived`, `search`, `read`,
    `properties`, `associations`, `labels`, `owners`, `owner`; of lists `segment`, `members`,
    `joined`, `memberships`) and type of object; what
    it returns (a response, or a `RefusedError`) is answered instead. *spoil* may return another
    body for an answer, and *reading* answers batch reads in place of `batch`. *between* is called
    after each answer is made: the place to change records while pages are read. *short* says how
    many records a page holds at most, whatever the limit, by its kind: `list`, `search`, or
    `search from the beginning`. *dead_places* are those in the list that lead no further.
    """

    def __init__(self, account, *, token="pat-token", searches=5, burst=100):  # noqa: S107 - no secret
        self.account, self.tokens = account, {token}
        self.lists = Lists(account)
        self.associations = Associations(account)
        self.owners = Owners(account)
        self.forbidden = set()
        self.options = {}
        self.fault = lambda kind, object_: None
        self.reading = None
        self.date_skew = 0
        self.spoil = lambda kind, object_, body: None
        self.between = lambda kind, object_: None
        self.short = lambda kind: None
        self.dead_places = set()
        self.requests = Counter()
        self.bad = []
        self.log = []
        self.searches = Rate(searches, 1.0, "SECONDLY")
        self.burst = Rate(burst, 10.0, "TEN_SECONDLY_ROLLING")
        self.monotonic = time.monotonic
        # Requests come in on the server's thread, changes on the test's.
        self.lock = threading.RLock()
        self.app = Starlette(
            routes=[
                *OtherReaders(self).routes(self._answering),
                *self._routes("/crm/objects/2026-03/{object}", "/crm/properties/2026-03/{object}"),
                *self._routes("/crm/v3/objects/{object}", "/crm/v3/properties/{object}"),
                *self.lists.routes(self._answering),
                *self.associations.routes(self._answering),
                *self.owners.routes(self._answering),
                Route("/fake/{object}", self._by_hand, methods=["POST"]),
                Route("/fake/{object}/{id}", self._by_hand, methods=["PATCH", "DELETE"]),
                Route("/fake/{object}/{id}/restore", self._by_hand, methods=["POST"]),
                Route("/fake/{object}/{id}/merge/{other}", self._join_by_hand, methods=["POST"]),
                Route(
                    "/fake/{object}/{id}/associate/{to}/{other}",
                    self._join_by_hand,
                    methods=["POST"],
                ),
            ]
        )

    def _routes(self, objects, properties):
        return [
            Route(objects, self._answering(self._list), methods=["GET"]),
            Route(f"{objects}/search", self._answering(self._search), methods=["POST"]),
            Route(f"{objects}/batch/read", self._answering(self._read), methods=["POST"]),
            Route(properties, self._answering(self._properties), methods=["GET"]),
        ]

    def _answering(self, endpoint):
        async def answer(request):
            raw = await request.body()
            with self.lock:
                return self._answer(endpoint, request, raw)

        return answer

    def _answer(self, endpoint, request, raw):
        kind = self._kind(endpoint, request)
        object_ = request.path_params.get("object", LISTS)
        try:
            self._admit(kind, object_, request)
            instead = self.fault(kind, object_)
            if isinstance(instead, RefusedError):
                raise instead
            response = instead or answered(endpoint(object_, request, raw))
            spoilt = None if instead else self.spoil(kind, object_, response.body)
            if spoilt is not None:
                response = broken(spoilt)
        except RefusedError as error:
            response = error.response()
            if error.status in (400, 414):
                self.bad.append(error.body["message"])
        self.requests[kind, response.status_code] += 1
        self.log.append((self.monotonic(), kind, object_, response.status_code))
        response.headers["date"] = formatdate(self.account.clock() + self.date_skew, usegmt=True)
        self.between(kind, object_)
        return response

    def _kind(self, endpoint, request):
        kind = endpoint.__name__.lstrip("_")
        is_archive = kind == "list" and request.query_params.get("archived") == "true"
        return "archived" if is_archive else kind

    def _admit(self, kind, object_, request):
        now = self.monotonic()
        self.burst.admit(now)
        if kind == "search":
            self.searches.admit(now)
        if len(str(request.url)) > LONGEST_URL:
            raise RefusedError(414, "URI too long")
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise RefusedError(401, "Authentication credentials not found", category="INVALID_AUTH")
        if object_ not in {*self.account.types, LISTS}:
            why = f"Unable to infer object type from: {object_}"
            raise RefusedError(404, why, category="OBJECT_NOT_FOUND")
        if object_ in self.forbidden:
            why = "This app hasn't been granted all required scopes"
            raise RefusedError(403, why, category="MISSING_SCOPES")

    def _list(self, object_, request, _raw):
        query = request.query_params
        unknown = set(query) - {"limit", "after", "properties", "archived", "associations"}
        limit = int(query.get("limit", "10"))
        if unknown or not 1 <= limit <= 100:
            raise RefusedError(400, f"Bad parameters {sorted(unknown)}")
        if query.get("after") in self.dead_places:
            raise RefusedError(400, "The paging token is not valid", category="VALIDATION_ERROR")
        names = [name for name in query.get("properties", "").split(",") if name]
        check_names(names, self.account.types[object_])
        records = self.account.live(object_, archived=query.get("archived") == "true")
        left = records[bisect_right(records, int(query.get("after", "0")), key=_number) :]
        page = self._page(object_, left, names, limit, "list", lambda shown: shown[-1].id)
        for to in re.findall("[a-z_]+", query.get("associations", "")):
            self.associations.show(object_, to, page["results"])
        return page

    def _search(self, object_, _request, raw):
        body = json.loads(raw)
        check_search(raw, body, self.account.types[object_])
        found = self._matching(object_, body)
        start, limit = int(body.get("after", 0)), body.get("limit", 10)
        names = body.get("properties", [])
        # An empty page with a next one, as the real index gives them: only at a query's beginning.
        kind = "search" if "after" in body else "search from the beginning"
        content = self._page(
            object_, found[start:], names, limit, kind, lambda shown: str(start + len(shown))
        )
        return {"total": len(found)} | content

    def _matching(self, object_, body):
        index = self.account.indexes[object_]
        index.catch_up(self.account.clock())
        filters = [one for group in body["filterGroups"] for one in group["filters"]]
        modified = modified_name(object_)
        floor = next((int(one["value"]) for one in filters if one["propertyName"] == modified), 0)
        found = index.since(floor)
        for one in filters:
            if one["propertyName"] == modified and one["operator"] == "EQ":
                found = [record for record in found if record.modified == int(one["value"])]
            elif one["propertyName"] == modified and one["operator"] == "LTE":
                found = [record for record in found if record.modified <= int(one["value"])]
            elif one["propertyName"] == "hs_object_id" and one["operator"] in {"GT", "GTE"}:
                least = int(one["value"]) + (one["operator"] == "GT")
                found = [record for record in found if int(record.id) >= least]
            elif (one["propertyName"], one["operator"]) != (modified, "GTE"):
                raise RefusedError(400, f"the fake knows no filter {one}")
        if body["sorts"][0]["propertyName"] == "hs_object_id":
            found.sort(key=lambda record: int(record.id))
        return found

    def _page(self, object_, left, names, limit, kind, following):
        short = self.short(kind)
        shown = left[: limit if short is None else min(limit, short)]
        content = {"results": [one.shown(object_, names) for one in shown]}
        if len(left) > len(shown):
            after = following(shown) if shown else "0"
            content["paging"] = {"next": {"after": after, "link": "https://elsewhere.example/"}}
        return content

    def _read(self, object_, request, raw):
        return (self.reading or self.batch)(object_, request, raw)

    def batch(self, object_, _request, raw):
        """Answer a batch read."""
        body = json.loads(raw)
        unknown = set(body) - {"inputs", "properties", "propertiesWithHistory"}
        if unknown or body.get("propertiesWithHistory") or not 1 <= len(body["inputs"]) <= 100:
            raise RefusedError(400, "Bad batch")
        check_names(body["properties"], self.account.types[object_])
        asked = [one["id"] for one in body["inputs"]]
        left = {id_: self.account.after_merges(object_, id_) for id_ in asked}
        # One record for two ids that were merged into it.
        wanted = list(dict.fromkeys(left.values()))
        live = {one.id: one for one in map(self.account.records[object_].get, wanted) if one}
        found = [live[id_] for id_ in wanted if id_ in live and live[id_].archived_at is None]
        content = {
            "status": "COMPLETE",
            "results": [one.shown(object_, body["properties"]) for one in found],
        }
        there = {one.id for one in found}
        lost = sorted(id_ for id_, is_now in left.items() if is_now not in there)
        if lost:
            error = {
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": "Could not get some objects, they may be deleted or not exist.",
                "context": {"ids": lost},
            }
            content |= {"numErrors": 1, "errors": [error]}
        return content

    def _properties(self, object_, _request, _raw):
        types = self.account.types[object_]
        described = [{"name": name, "type": kind} for name, kind in types.items()]
        for one in described:
            values = self.options.get((object_, one["name"]))
            if values is not None:
                one["options"] = [{"label": value.title(), "value": value} for value in values]
        return {"results": described}

    async def _by_hand(self, request):
        object_, id_ = request.path_params["object"], request.path_params.get("id")
        raw = await request.body()
        with self.lock:
            if request.method == "DELETE":
                self.account.archive(object_, id_)
            elif request.url.path.endswith("/restore"):
                self.account.restore(object_, id_)
            elif id_:
                self.account.change(object_, id_, json.loads(raw)["properties"])
            else:
                id_ = self.account.create(object_, json.loads(raw)["properties"])
        return JSONResponse({"id": id_})

    async def _join_by_hand(self, request):
        object_, id_, other = (request.path_params[name] for name in ("object", "id", "other"))
        with self.lock:
            if to := request.path_params.get("to"):
                self.associations.associate(object_, id_, to, other)
                self.account.change(object_, id_)
            else:
                id_ = self.account.merge(object_, id_, other)
        return JSONResponse({"id": id_})

    @contextmanager
    def serving(self, port=0, *, certificate=None):
        """Serve on a real socket, in a thread, with TLS if there is a *certificate* file.

        The value is the base URL.
        """
        config = uvicorn.Config(
            self.app,
            port=port,
            log_level="error",
            lifespan="off",
            date_header=False,
            ssl_certfile=certificate,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)  # uvicorn tells nobody when that is
        bound = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{bound}"
        finally:
            server.should_exit = True
            thread.join(10)


def _number(record):
    return int(record.id)


def answered(content):
    """Return the answer that *content* is: several statuses in one where it has errors."""
    has_errors = isinstance(content, dict) and content.get("errors")
    return JSONResponse(content, status_code=207 if has_errors else 200)


def broken(content, status=200, **headers):
    """Return an answer with any content."""
    return Response(content, status_code=status, headers=headers, media_type="application/json")
