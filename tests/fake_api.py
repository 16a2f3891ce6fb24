"""A REST API on loopback, as most are: a list with a filter, an order and pages; single records.

Records change while pages are read: `between` runs before each answer. What real APIs do wrong is
an attribute each: `at_most` rows a page whatever is asked for, filters and pages that are ignored.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = 1_772_323_200_000_000
"""Microseconds: when `tests.virtual_time` begins, 2026-03-01."""


class FakeApi:
    """The records by id, each with `id`, `updated` and `created`; times are microseconds."""

    def __init__(self):
        self.records = {}
        self.deleted = {}
        self.asked = []
        self.url = ""
        self.now = START
        self.unit = 1000
        self.at_most = 10**9
        self.is_strict = False
        self.ignored = set()
        self.between = lambda _request: None
        self.answer = lambda _request: None
        self.headers = {}
        self.links_to = ""
        self.lock = threading.RLock()
        self._serial = 0

    def create(self, count=1, **members):
        """Create records; they have one time."""
        with self.lock:
            made = []
            for _ in range(count):
                self._serial += 1
                id_ = f"r{self._serial:07}"
                self.records[id_] = {"id": id_, "name": f"n{self._serial}", **members}
                self.records[id_] |= {"updated": self.now, "created": self.now}
                made.append(id_)
            return made

    def update(self, *ids, **members):
        with self.lock:
            for id_ in ids:
                self.records[id_] |= {"updated": self.now, **members}

    def delete(self, *ids):
        with self.lock:
            for id_ in ids:
                del self.records[id_]
                self.deleted[id_] = self.now

    def later(self, seconds=1.0):
        with self.lock:
            self.now += int(seconds * 1_000_000)

    def written(self, at):
        """Return a time as this API writes it."""
        at -= at % self.unit
        text = (EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%d %H:%M:%S")
        return f"{text}.{at % 1_000_000 // 1000:03}Z" if self.unit < 1_000_000 else f"{text}Z"

    def shown(self, record):
        return record | {key: self.written(record[key]) for key in ("updated", "created")}

    def listed(self, query):
        """Return a page, as a text compares with a text."""
        rows = [self.shown(one) for one in self.records.values()]
        since, at, after = query.get("since"), query.get("at"), query.get("after")
        if since is not None and "since" not in self.ignored:
            rows = [
                one
                for one in rows
                if one["updated"] > since or (one["updated"] == since and not self.is_strict)
            ]
        if at is not None:
            rows = [one for one in rows if one["updated"] == at and one["id"] > after]
        for key in reversed(query.get("sort", "").split(",")):
            if key:
                rows.sort(key=lambda one, key=key: one[key.lstrip("-")], reverse=key[0] == "-")
        limit = min(int(query.get("limit", 20)), self.at_most)
        offset = int(query.get("offset", query.get("cursor", 0)))
        if "page" in query and "page" not in self.ignored:
            offset = (int(query["page"]) - 1) * limit
        page, rest = rows[offset : offset + limit], rows[offset + limit :]
        answer = {"data": page, "total": len(rows), "more": bool(rest)}
        if rest:
            answer["cursor"] = str(offset + limit)
            again = "&".join(f"{k}={v}" for k, v in query.items() if k != "offset")
            answer["next"] = f"{self.links_to}/api/items?{again}&offset={offset + limit}"
        return answer

    def reply(self, request):
        """Return status and JSON for a request: a method, a path, its query and its headers."""
        _, path, query, *_ = request
        own = self.answer(request)
        if own is not None:
            return own
        with self.lock:
            if path == "/api/items":
                return 200, self.listed(query)
            if path == "/api/deleted":
                since = query.get("since", "")
                gone = {id_: self.written(at) for id_, at in self.deleted.items()}
                rows = [{"id": id_, "at": at} for id_, at in gone.items() if at >= since]
                return 200, {"data": rows}
            found = self.records.get(path.rpartition("/")[2])
            if found is None:
                return 404, {"message": "no such record"}
            return 200, {"data": self.shown(found)}


class RealTime(FakeApi):
    """The API in real time."""

    @property
    def now(self):
        return time.time_ns() // 1000

    @now.setter
    def now(self, _at):
        pass


@contextmanager
def running(api):
    """Serve *api* on loopback; its `url` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            if body:
                query |= json.loads(body)
            request = (self.command, parts.path, query)
            api.between(request)
            api.asked.append((*request, dict(self.headers)))
            status, told, *more = api.reply((*request, dict(self.headers)))
            content = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            for name, value in ({**api.headers, **(more[0] if more else {})}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the server looks for this name

        def date_time_string(self, timestamp=None):
            at = EPOCH + timedelta(microseconds=api.now)
            return super().date_time_string(timestamp or at.timestamp())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}/api"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
