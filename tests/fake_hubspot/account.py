"""An account: records of several types, and a search index that hears of changes later."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

MODIFIED = {"contacts": "lastmodifieddate"}


def modified_name(object_):
    """Return the property that holds the time of the last modification."""
    return MODIFIED.get(object_, "hs_lastmodifieddate")


def iso(milliseconds):
    """Return a time as HubSpot writes it."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Stored:
    """A record as it is; times are milliseconds since 1970."""

    id: str
    properties: dict
    created: int
    modified: int
    archived_at: int | None = None
    merged_ids: tuple = ()

    def shown(self, object_, names):
        """Return the record as the API gives it, with the properties that were asked for."""
        own = {
            "hs_object_id": self.id,
            "createdate": iso(self.created),
            modified_name(object_): iso(self.modified),
            "hs_merged_object_ids": ";".join(self.merged_ids) or None,
        }
        chosen = {name: own.get(name, self.properties.get(name)) for name in names}
        found = {
            "id": self.id,
            "properties": chosen,
            "createdAt": iso(self.created),
            "updatedAt": iso(self.modified),
            "archived": self.archived_at is not None,
        }
        if self.archived_at is not None:
            found["archivedAt"] = iso(self.archived_at)
        return found


@dataclass
class Index:
    """What a search sees: changes wait until they are old enough to be seen."""

    records: dict = field(default_factory=dict)
    waiting: deque = field(default_factory=deque)
    ordered: list | None = None
    versions: dict = field(default_factory=dict)
    serial: object = field(default_factory=count)

    def add(self, seen_at, record):
        self.waiting.append((seen_at, next(self.serial), record))

    def catch_up(self, now):
        """Take in what may be seen now; a late change does not hold up the others."""
        later = deque()
        while self.waiting:
            seen_at, version, record = self.waiting.popleft()
            if seen_at > now:
                later.append((seen_at, version, record))
                continue
            if version < self.versions.get(record.id, 0):
                continue  # a newer state of the record was quicker
            self.versions[record.id] = version
            self.ordered = None
            if record.archived_at is None:
                self.records[record.id] = record
            else:
                self.records.pop(record.id, None)
        self.waiting = later

    def by_time(self):
        if self.ordered is None:
            self.ordered = sorted((one.modified, int(one.id)) for one in self.records.values())
        return self.ordered

    def since(self, milliseconds):
        """Return the records modified then or later, oldest first."""
        ordered = self.by_time()
        start = bisect_left(ordered, (milliseconds, 0))
        return [self.records[str(id_)] for _, id_ in ordered[start:]]


@dataclass
class Account:
    """Records by type. *lag* says how many seconds the index is late with a change."""

    types: dict = field(default_factory=dict)
    lag: object = lambda: 0.0
    clock: object = time.time
    records: dict = field(default_factory=dict)
    indexes: dict = field(default_factory=dict)
    serial: object = field(default_factory=lambda: count(1001))
    listed: dict = field(default_factory=dict)
    merged: dict = field(default_factory=dict)

    def __post_init__(self):
        self.types = dict(self.types)
        for object_, names in self.types.items():
            own = {
                "hs_object_id": "string",
                "createdate": "datetime",
                "hs_merged_object_ids": "enumeration",
            }
            self.types[object_] = own | {modified_name(object_): "datetime"} | names
            self.records[object_] = {}
            self.indexes[object_] = Index()

    def now(self):
        """Return the time in milliseconds."""
        return int(self.clock() * 1000)

    def create(self, object_, properties=None, *, at=None):
        """Create a record and return its id."""
        now = self.now() if at is None else at
        record = Stored(str(next(self.serial)), dict(properties or {}), now, now)
        self._put(object_, record)
        return record.id

    def change(self, object_, id_, properties=None, *, at=None):
        """Change properties; the time of modification moves whatever they are."""
        old = self.records[object_][id_]
        now = max(old.modified + 1, self.now()) if at is None else at
        changed = old.properties | (properties or {})
        self._put(object_, replace(old, properties=changed, modified=now))

    def change_all(self, object_, ids, properties):
        """Change many records within one millisecond."""
        at = max(self.now(), *(self.records[object_][id_].modified + 1 for id_ in ids))
        for id_ in ids:
            self.change(object_, id_, properties, at=at)

    def archive(self, object_, id_):
        """Archive a record, which does not move its time of modification."""
        self._put(object_, replace(self.records[object_][id_], archived_at=self.now()))

    def restore(self, object_, id_):
        """Restore an archived record."""
        self._put(object_, replace(self.records[object_][id_], archived_at=None))

    def erase(self, object_, id_):
        """Remove a record for good: it is in no list, that of the archive included."""
        record = self.records[object_].pop(id_)
        self.listed.clear()
        self.indexes[object_].add(0, replace(record, archived_at=0))

    def merge(self, object_, survivor, loser, *, into_new=False):
        """Merge two records; the loser is then in no list. Return the id of what is left.

        With *into_new* both are merged into a record with a new id.
        """
        records = self.records[object_]
        properties = records[loser].properties | records[survivor].properties
        left = self.create(object_, properties) if into_new else survivor
        ended = (loser, survivor) if into_new else (loser,)
        # What was merged into one of them is now merged into what is left, as far as that is told.
        told = [*(records[survivor].merged_ids if into_new else ()), *records[loser].merged_ids]
        for gone in ended:
            self.erase(object_, gone)
            self.merged[object_, gone] = left
        self.names(object_, left, (*records[left].merged_ids, *told, *ended))
        return left

    def names(self, object_, id_, merged_ids):
        """Have a record name ids as merged into it, rightly or not; it is modified by that."""
        old = self.records[object_][id_]
        ids = tuple(dict.fromkeys(merged_ids))
        modified = max(old.modified + 1, self.now())
        self._put(object_, replace(old, merged_ids=ids, modified=modified))

    def after_merges(self, object_, id_):
        """Return the id that a batch read answers *id_* with."""
        while (object_, id_) in self.merged:
            id_ = self.merged[object_, id_]
        return id_

    def live(self, object_, *, archived=False):
        """Return the records, by id."""
        key = (object_, archived)
        if key not in self.listed:
            records = sorted(self.records[object_].values(), key=lambda one: int(one.id))
            self.listed[key] = [one for one in records if (one.archived_at is not None) == archived]
        return self.listed[key]

    def _put(self, object_, record):
        self.records[object_][record.id] = record
        self.listed.clear()
        self.indexes[object_].add(self.clock() + self.lag(), record)
