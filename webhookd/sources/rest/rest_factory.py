"""Puts a source that reads a REST API together from its definition."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webhookd.definitions import NO_DELETIONS, Tls
from webhookd.rules.json_query import Query
from webhookd.sources.polling.answer_json import decoded_exactly
from webhookd.sources.polling.api_client import ApiClient, Dialect
from webhookd.sources.polling.checkpoint import Checkpoint
from webhookd.sources.polling.left_out import LeftOut
from webhookd.sources.polling.poller import Poller
from webhookd.sources.polling.request_budget import Burst
from webhookd.sources.rest import rest_cursor
from webhookd.sources.rest.answers.meaning import Meaning
from webhookd.sources.rest.answers.rest_rows import RowReader, several
from webhookd.sources.rest.asking import composed_requests as requests
from webhookd.sources.rest.asking.leads import of_token
from webhookd.sources.rest.asking.list_pages import ListReader
from webhookd.sources.rest.asking.named_keys import Keys
from webhookd.sources.rest.asking.one import OneReader
from webhookd.sources.rest.asking.rest_api import Api, origin_of
from webhookd.sources.rest.detection.details import Details
from webhookd.sources.rest.observer import Observer
from webhookd.sources.rest.proofs import Proofs
from webhookd.sources.rest.rest_reader import ObjectReader
from webhookd.sources.rest.work import Work
from webhookd.sources.storage_retry import StorageRetry
from webhookd.telemetry.events import BadRowsFound
from webhookd.telemetry.figures import figures_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.authentication.credentials import Credentials
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, RestObject, RestSource
    from webhookd.sources.dependencies import SourceDependencies
    from webhookd.sources.polling.api_client import ApiTransport
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.sources.rest.asking.composed_requests import Composed
    from webhookd.sources.rest.asking.leads import Lead
    from webhookd.telemetry.figures import PollFigures


def make(settings: RestSource, dependencies: SourceDependencies) -> Poller:
    """Return the source that *settings* describe."""
    budget = dependencies.budgets.of(
        origin_of(settings.base_url), settings.authentication, burst(settings)
    )
    way = Way(
        dependencies.credentials_of(settings.authentication, Tls(), None),
        dependencies.transport,
        dependencies.egress,
        budget,
        dependencies.clock,
    )
    figures = {read.name: figures_of(settings.name, read.name) for read in settings.objects}
    readers = []
    for read in settings.objects:
        checkpoint = Checkpoint(
            settings.name,
            read.name,
            parsed=rest_cursor.parsed,
            ingest=dependencies.ingest,
            ledger=dependencies.polls,
            storage_retry=StorageRetry(settings.name, dependencies.report),
            figures=figures[read.name],
        )
        parts = Parts(settings, read, way, figures[read.name])
        work = parts.work(checkpoint)
        readers.append(
            (ObjectReader(work, parts.proofs(work), parts.details(work)), figures[read.name])
        )
    return Poller(
        settings.name,
        settings.poll_every,
        readers,
        schedule=dependencies.schedule,
        budget=budget,
        clock=dependencies.clock,
        ledger=dependencies.polls,
        requests_per_second=settings.requests_per_second,
        periods={one.name: one.poll_every for one in settings.objects if one.poll_every},
    )


def burst(settings: RestSource) -> Burst:
    """Return how many requests may start within what time."""
    requests_ = ceil(settings.requests_per_second)
    return Burst(requests_, requests_ / settings.requests_per_second)


@dataclass(frozen=True, slots=True)
class Way:
    """How requests reach the API."""

    credentials: Credentials
    transport: ApiTransport
    egress: Callable[[], Egress]
    budget: Budget
    clock: Clock


class Parts:
    """Makes the parts that read one type of object."""

    def __init__(
        self, settings: RestSource, read: RestObject, way: Way, figures: PollFigures
    ) -> None:
        self._settings = settings
        self._read = read
        self._figures = figures
        self._clock = way.clock
        self._zone = ZoneInfo(settings.time_zone)
        self._left_out = LeftOut(figures, way.clock.monotonic, BadRowsFound)

        def count(status: str) -> None:
            figures.requests[status] += 1

        client = ApiClient(
            origin_of(settings.base_url),
            way.credentials,
            transport=way.transport,
            egress=way.egress,
            budget=way.budget,
            clock=way.clock,
            count=count,
            dialect=Dialect(Meaning(settings), decoded_exactly),
        )
        names = asked_names(read)
        values = {} if names is None else {"properties": ",".join(names)}
        self.api = Api(settings, client, way.budget, way.clock, values)

    def work(self, checkpoint: Checkpoint[rest_cursor.Cursor]) -> Work:
        """Return what the reading works with."""
        read, deletions = self._read, self._read.deletions
        ties = requests.tying(read)
        return Work(
            self._settings,
            read,
            digest(self._settings, read),
            self._zone,
            self.lists(requests.listing(read)),
            self.sweeps(),
            None if ties is None else self.lists(ties, "detect.ties."),
            self._of_deletions(requests.absences(read)),
            self._of_deletions(requests.deleted(read)) if deletions.by == "list" else None,
            self.one(),
            checkpoint,
            Observer(self._settings, read),
            self._figures,
            self._clock,
        )

    def proofs(self, work: Work) -> Proofs:
        """Return what proves the filter; its requests are nobody's pages."""
        return Proofs(work, self.sweeps())

    def details(self, work: Work) -> Details:
        """Return what reads the rows of lists again, one by one."""
        return Details(work, self._left_out)

    def sweeps(self) -> ListReader:
        """Return what asks for what changed."""
        token = of_token(self._read.detect)
        return self.lists(requests.sweeping(self._read), token=token)

    def lists(
        self, request: Composed, within: str = "", *, token: Lead | None = None
    ) -> ListReader:
        """Return what reads a list of records as the object has them."""
        read = self._read
        return ListReader(
            self.api,
            request,
            self._rows(read),
            self._left_out,
            Keys(read.name, within),
            records=several(read.records),
            ok=read.ok,
            token=token,
        )

    def one(self) -> OneReader | None:
        """Return what reads single records, None where there is nothing that does."""
        request, one = requests.single(self._read), self._read.one
        if request is None or one is None:
            return None
        return OneReader(self.api, request, one, self._rows(self._read, is_single=True))

    def _of_deletions(self, request: Composed) -> ListReader:
        """Return what reads a list that deletions are found by: of ids, it may be."""
        read, own = self._read, self._read.deletions
        modified = own.modified if own.by == "list" else (own.modified or read.modified)
        is_own = own.by == "list" or any((own.path, own.paging, own.records, own.id))
        rows = replace(read, id=own.id or read.id, modified=modified)
        if own.by == "list":
            rows = replace(rows, deleted=None, properties=(), created=None)
        return ListReader(
            self.api,
            request,
            RowReader(rows, self._zone, needs_time=False),
            self._left_out,
            Keys(read.name, "deletions." if is_own else ""),
            records=several(read.records if own.records is None else own.records),
            ok=read.ok,
        )

    def _rows(self, read: RestObject, *, is_single: bool = False) -> RowReader:
        needs_time = read.detect.by == "time" and not is_single
        return RowReader(read, self._zone, needs_time=needs_time)


def asked_names(read: RestObject) -> tuple[str, ...] | None:
    """Return the members of a row that are wanted, None where that is all of them.

    They are the chosen properties, and what id, times and the mark of deletion are read from.
    """
    if read.properties is None:
        return None
    chosen = read.properties
    texts = () if isinstance(chosen, tuple) else tuple(chosen.values())
    beside = (read.id, *several(read.modified), *several(read.created), *several(read.deleted))
    looked_at = [
        name
        for text in (*texts, *beside)
        for name in Query(text).roots
        if "@" not in name  # what an answer says of a row (OData), and cannot be asked for
    ]
    return tuple(dict.fromkeys([*(chosen if isinstance(chosen, tuple) else ()), *looked_at]))


def digest(settings: RestSource, read: RestObject) -> str:
    """Return a digest of what makes an object be read whole again when it changes.

    What has its default does not count: a key that a later version knows changes no digest.
    """
    detect = replace(read.detect, overlap=None, conditional=None)
    counting = replace(
        read,
        path=read.list_path,
        one=None,
        describe=None,
        ignore=(),
        poll_every=None,
        detect=detect,
        deletions=NO_DELETIONS,
    )
    told = [_told(counting), settings.time_zone]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _told(value: Any) -> Any:
    if not is_dataclass(value):
        return value
    return {
        one.name: _told(getattr(value, one.name))
        for one in fields(value)
        if not _is_default(one, getattr(value, one.name))
    }


def _is_default(one: Any, value: Any) -> bool:
    if one.default is not MISSING:
        return bool(value == one.default)
    return one.default_factory is not MISSING and bool(value == one.default_factory())
