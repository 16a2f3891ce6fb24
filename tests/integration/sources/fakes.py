"""A ledger in memory, a list of what was reported, and a drop directory to run between them."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from dataclasses import replace

from webhookd.definitions import DirectorySource
from webhookd.errors import StorageError
from webhookd.model import Batch, ClaimedFile, FilesProgress
from webhookd.sources.directory.drop_directory import DropDirectory

OTHER_USER = 65534
"""The uid of nobody: of producers that are not this user."""


class FakeStorage:
    """A FileLedger and an Ingest over dictionaries, committed step by step.

    *step* is called before and after each commit, so that a test can make the daemon die there.
    """

    def __init__(self, step=lambda _: None):
        self.step = step
        self.files = {}
        self.bad = {}
        self.taken = []
        self.as_known = []
        self.started = set()
        self.refusals = 0
        self.latest_file = None
        self.put_away = []
        self.errors = []

    def _refuse(self):
        if self.refusals:
            self.refusals -= 1
            raise StorageError("the disk is full")

    async def ingest(self, batch: Batch):
        """Commit a batch with its progress."""
        self._refuse()
        self.step("before ingest")
        if isinstance(batch.progress, FilesProgress):
            every, more = batch.progress.files, len(batch.observations)
            assert sum(made.rows_taken for made in every) == more
            assert all(made.is_finished and not made.bad_rows for made in every)
        else:
            every = [batch.progress]
            self._check_rows(batch)
        for made in every:
            self._note(made)
        self.taken.extend(batch.observations)
        self.as_known.extend([batch.as_known] * len(batch.observations))
        self.step("after ingest")

    def _check_rows(self, batch):
        made = batch.progress
        before = self.files[made.claim]
        more = len(batch.observations) + len(made.bad_rows)
        # A file that was written to after it was taken begins behind what was taken of it.
        assert made.rows_taken - before.rows_taken == more or not (before.rows_taken or more)

    def _note(self, made):
        before = self.files[made.claim]
        self.files[made.claim] = replace(
            before,
            rows_taken=made.rows_taken,
            bad_count=before.bad_count + len(made.bad_rows),
            openings=0,
            is_finished=made.is_finished,
        )
        self.bad.setdefault(made.claim, []).extend(made.bad_rows)
        if made.is_finished:
            self.started.add(made.source)

    async def claims(self, source):
        """Return the files of *source*."""
        self._refuse()
        return tuple(file for file in self.files.values() if file.source == source)

    async def open(self, source, claim, name, *, is_snapshot=False, is_counted=True):
        """Count one more opening, unless it is not to be."""
        self._refuse()
        self.step("before open")
        file = self.files.get(claim, ClaimedFile(source, claim, name))
        self.files[claim] = replace(file, openings=file.openings + is_counted)
        self.step("after open")
        return self.files[claim]

    async def open_all(self, source, named):
        """Count an opening of each that is not known."""
        self._refuse()
        self.step("before open")
        for claim, name in named:
            self.files.setdefault(claim, ClaimedFile(source, claim, name, openings=1))
        self.step("after open")

    async def rest(self, claims):
        """Take one opening of each back."""
        self._refuse()
        for claim in claims:
            if claim in self.files:
                file = self.files[claim]
                self.files[claim] = replace(file, openings=max(file.openings - 1, 0))

    async def bad_rows(self, claim, limit):
        """Return the first bad rows."""
        return tuple(self.bad.get(claim, ())[:limit])

    async def latest(self, source):
        """Return the file that was taken last."""
        return self.latest_file

    async def note_error(self, source, error, at):
        """Note why the source could not be read."""
        self._refuse()
        self.errors.append(error)

    async def forget(self, claim, put_away=None, latest=None):
        """Forget a file."""
        self.step("before forget")
        self.files.pop(claim, None)
        self.bad.pop(claim, None)
        self.latest_file = latest or self.latest_file
        self.put_away += [put_away] if put_away is not None else []
        self.step("after forget")

    async def forget_all(self, claims, put_away, latest=None):
        """Forget files of records."""
        self.step("before forget")
        for claim in claims:
            assert not self.bad.get(claim)
            self.files.pop(claim, None)
        self.latest_file = latest or self.latest_file
        self.put_away.append(put_away)
        self.step("after forget")

    async def has_started(self, source):
        """Return whether a first file was finished."""
        return source in self.started

    @property
    def ids(self):
        """Return the ids of the records taken, in order."""
        return [seen.record_id for seen in self.taken]


class ReportedEvents:
    """A listener that keeps every event."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        """Return every event of this class, in order."""
        return [event for event in self.events if isinstance(event, kind)]


class Drop:
    """A drop directory in a folder of its own."""

    def __init__(self, root, storage=None, **settings):
        self.root = root
        self.storage = storage or FakeStorage()
        self.reported = ReportedEvents()
        self.settings = DirectorySource("crm", root, "contacts", **settings)

    def source(self, **options):
        """Return the source, as a daemon that just started makes it."""
        return DropDirectory(
            self.settings, self.storage.ingest, self.storage, self.reported, **options
        )

    @asynccontextmanager
    async def running(self, **options):
        """Run the source while the block lasts."""
        source = self.source(**options)
        task = asyncio.create_task(source.run())
        try:
            await eventually(lambda: task.done() or source._watch.is_open or self.reported.events)
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    def drop(self, name, content: bytes | str, *, seconds_ago=10):
        """Put a file in as a producer should: written in `tmp/`, renamed to `new/`."""
        for folder in ("tmp", "new"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        path = self.root / "tmp" / "being-written"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        written_at = time.time() - seconds_ago
        if seconds_ago:
            os.utime(path, (written_at, written_at))
        path.rename(self.root / "new" / name)

    def names(self, folder):
        """Return the names in *folder*."""
        return sorted(path.name for path in (self.root / folder).iterdir())

    @property
    def is_settled(self):
        """Return whether nothing waits or is in work, on disk or in the ledger."""
        return not (self.names("new") or self.names("work") or self.storage.files)


def rows(*ids) -> str:
    """Return NDJSON with a row for each id."""
    return "".join(f'{{"id":"{record_id}"}}\n' for record_id in ids)


async def eventually(holds, seconds=60.0):
    """Wait until *holds* returns something true, and return that."""
    until = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < until, "it did not happen in time"
        await asyncio.sleep(0.005)
