"""What the fakes of CRMs have in common: records, a clock, and requests taken apart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl

import httpx

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN = "a-token-of-the-crm"


@dataclass(frozen=True)
class Asked:
    """A request. *query* has each parameter once: one that comes twice is refused."""

    method: str
    host: str
    path: str
    query: dict
    headers: dict
    body: dict | None = None
    form: dict = field(default_factory=dict)

    def only(self, *names):
        """Refuse parameters of other names."""
        unknown = sorted(self.query.keys() - set(names))
        if unknown:
            raise Refused(400, {"error": f"unknown parameters: {', '.join(unknown)}"})


class Refused(Exception):  # noqa: N818 - it is an answer
    """The API answers so, and not with what it was asked for."""

    def __init__(self, status, body=None, **headers):
        super().__init__(f"{status}: {body}")
        self.status, self.body, self.headers = status, body, headers


class FakeCrm:
    """Records by id; each has `made` and `changed`, microseconds, and its own members.

    *time* is the virtual time that the daemon has. `refused` are answers that were no success, for
    tests that want none but `usual` ones.
    """

    usual = frozenset({204, 304, 404})

    def __init__(self, time=None):
        self.time = time
        self.records = {}
        self.gone = {}
        self.asked = []
        self.refused = []
        self._serial = 0
        self._rows = {}

    @property
    def now(self):
        """Return the time, in microseconds since 1970."""
        return (self.time.now() - EPOCH) // timedelta(microseconds=1)

    def at(self, microseconds, form="%Y-%m-%dT%H:%M:%SZ"):
        """Return a time as text."""
        return (EPOCH + timedelta(microseconds=microseconds)).strftime(form)

    def new_id(self, serial):
        """Return the id of the record that is created as the *serial*-th."""
        return str(serial)

    def create(self, count=1, *, every=0.0, **members):
        """Create records, *every* so many seconds one, the last one now; return their ids."""
        ids = []
        for number in range(count):
            self._serial += 1
            id_ = self.new_id(self._serial)
            at = self.now - int((count - 1 - number) * every * 1_000_000)
            self.records[id_] = {"name": f"n{self._serial}", **members, "made": at, "changed": at}
            ids.append(id_)
        return ids

    def update(self, *ids, **members):
        for id_ in ids:
            self.records[id_] |= {**members, "changed": self.now}

    def delete(self, *ids):
        for id_ in ids:
            self.gone[id_] = {**self.records.pop(id_), "deleted": self.now}

    def shown(self, id_, record):
        """Return a record as the API shows it."""
        raise NotImplementedError

    def rows(self, records):
        """Return records as the API shows them; what did not change is made once."""
        found = []
        for id_, one in records.items():
            key = id_, one["changed"], "deleted" in one
            if key not in self._rows:
                self._rows[key] = self.shown(id_, one)
            found.append(self._rows[key])
        return found

    def answer(self, asked):
        """Return what *asked* gets: a JSON value; or raise `Refused`."""
        raise NotImplementedError

    async def handle_async_request(self, request):
        """Answer a request of the daemon."""
        content = await request.aread()
        pairs = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form")
        asked = Asked(
            request.method,
            request.url.host,
            request.url.path,
            dict(pairs),
            {name.lower(): value for name, value in request.headers.items()},
            None if is_form or not content else json.loads(content),
            dict(parse_qsl(content.decode())) if is_form else {},
        )
        self.asked.append(asked)
        try:
            status, body, headers = 200, self.answer(asked), {}
            if isinstance(body, tuple):
                body, headers = body
        except Refused as refused:
            status, body, headers = refused.status, refused.body, refused.headers
            if status not in self.usual:
                self.refused.append((asked.path, asked.query, status, body))
        sent = b"" if body is None else json.dumps(body).encode()
        date = format_datetime(self.time.now(), usegmt=True)
        return httpx.Response(status, headers={"date": date, **headers}, content=sent)


def page(rows, offset, limit):
    """Return so many of *rows* from *offset* on, and whether there are more behind."""
    return rows[offset : offset + limit], len(rows) > offset + limit
