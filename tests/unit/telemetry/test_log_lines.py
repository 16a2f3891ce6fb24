"""`log_lines`: the line that each event becomes.

Names, levels and keys are API: a line here changes only together with `docs/events-and-metrics.md`.
"""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.making import NOW
from tests.reported_events import DELIVERY, POLL, WRONG, attempted
from webhookd.model import Delivered, GivenUp, Held, RetryAt
from webhookd.telemetry import events, log_lines, logs

POLLED = {
    "source": "hub",
    "object": "contacts",
    "lag_seconds": 1.235,
    "requests": {"200": 3},
    "budget_left": 7,
}
ATTEMPTED = {
    "webhook": "crm-mirror",
    "delivery_id": "new",
    "object": "contacts",
    "record_id": "123",
    "change": "updated",
    "attempt": 1,
    "status": 200,
    "seconds": 1.0,
}
FILE = {"source": "crm", "file": "a.csv"}


LINES = [
    (events.AdminListening("there"), "info", "admin.listening", {"address": "there"}),
    (
        events.TracingBegan("there", 0.01),
        "info",
        "tracing.began",
        {"endpoint": "there", "ratio": 0.01},
    ),
    (
        events.SpansLost("there", "why", 3),
        "warning",
        "tracing.failed",
        {"endpoint": "there", "error": "why", "spans": 3},
    ),
    (events.MetricsListening("there"), "info", "metrics.listening", {"address": "there"}),
    (
        events.ConfigChangeSeen(("conf/a.yaml",)),
        "info",
        "config.change_seen",
        {"files": ["conf/a.yaml"]},
    ),
    (
        events.InboundListening("there", tls=True),
        "info",
        "inbound.listening",
        {"address": "there", "tls": True},
    ),
    (
        events.InboundMissing(("crm", "erp")),
        "warning",
        "inbound.missing",
        {
            "sources": ["crm", "erp"],
            "hint": "set WEBHOOKD_INBOUND_ADDRESS, or take `wake` out of the sources",
        },
    ),
    (
        events.InboundCertificateRead("cert.pem", None),
        "info",
        "inbound.certificate_renewed",
        {"certificate": "cert.pem"},
    ),
    (
        events.InboundCertificateRead("cert.pem", "no"),
        "error",
        "inbound.certificate_refused",
        {"certificate": "cert.pem", "error": "no"},
    ),
    (events.WakeAccepted("crm"), "debug", "wake.accepted", {"source": "crm"}),
    (
        events.WakesRefused(None, "unknown", "there is nothing here", 3),
        "warning",
        "wake.refused",
        {"source": None, "reason": "unknown", "why": "there is nothing here", "count": 3},
    ),
    (
        events.AdminWithoutToken("there"),
        "warning",
        "admin.without_token",
        {"address": "there", "hint": "set WEBHOOKD_ADMIN_TOKEN_FILE"},
    ),
    (
        events.MomentsFired("w", {"fired": 2, "late": 1}, (0.5, 1.23456)),
        "info",
        "moment.fired",
        {"webhook": "w", "fired": 2, "late": 1, "lag_seconds": 1.235},
    ),
    (
        events.MomentsFired("w", {"late": 1}),
        "info",
        "moment.fired",
        {"webhook": "w", "late": 1},
    ),
    (
        events.MomentsPlanned("w", 3, 2),
        "info",
        "moment.planned",
        {"webhook": "w", "records": 3, "planned": 2},
    ),
    (
        events.DateUnreadable("crm", "deals", "renewal_date", "soon"),
        "warning",
        "moment.not_a_date",
        {
            "source": "crm",
            "object": "deals",
            "property": "renewal_date",
            "example": "soon",
            "hint": "its records have no moment; a timer reads dates like 2026-11-28 with its"
            " `time` and `zone`, and times like 2026-11-28T09:00:00Z",
        },
    ),
    (
        events.PropertyUndated("crm", "deals", "dealname"),
        "warning",
        "moment.property_undated",
        {
            "source": "crm",
            "object": "deals",
            "property": "dealname",
            "hint": "only those of its values that read as a date have a moment; is it the right"
            " one?",
        },
    ),
    (events.BackfillBegan("w", 2.5), "info", "backfill.began", {"webhook": "w", "per_second": 2.5}),
    (
        events.BackfillEnded("w", 2, 1, None),
        "info",
        "backfill.ended",
        {"webhook": "w", "records": 2, "deliveries": 1},
    ),
    (
        events.BackfillEnded("w", 2, 1, "stopped"),
        "warning",
        "backfill.ended",
        {"webhook": "w", "records": 2, "deliveries": 1, "error": "stopped"},
    ),
    (
        events.BackfillResumed("w", 2, 1),
        "info",
        "backfill.resumed",
        {"webhook": "w", "records": 2, "deliveries": 1},
    ),
    (
        events.BatchTaken("crm", 3, 2, 1),
        "debug",
        "source.read",
        {"source": "crm", "observations": 3, "changes": 2, "deliveries": 1},
    ),
    (events.ConfigWarned("look"), "warning", "config.warned", {"problem": "look"}),
    (
        events.ConfigRead("rejected", "c0ffee", ("one", "two"), {"webhooks": 1}),
        "error",
        "config.rejected",
        {"config_hash": "c0ffee", "problems": ["one", "two"]},
    ),
    (
        events.ConfigRead("unchanged", "c0ffee", (), {"webhooks": 1}),
        "info",
        "config.unchanged",
        {"config_hash": "c0ffee"},
    ),
    (
        events.ConfigRead("loaded", "c0ffee", (), {"webhooks": 1}),
        "info",
        "config.loaded",
        {"config_hash": "c0ffee", "webhooks": 1},
    ),
    (
        events.ConfigRead("reloaded", "c0ffee", (), {"webhooks": 1}),
        "info",
        "config.reloaded",
        {"config_hash": "c0ffee", "webhooks": 1},
    ),
    (events.DaemonOusted("wrong"), "error", "daemon.ousted", {"error": "wrong"}),
    (
        events.DaemonReady(2, 1, "c0ffee"),
        "info",
        "daemon.ready",
        {"webhooks": 2, "sources": 1, "config_hash": "c0ffee"},
    ),
    (
        events.DaemonStarted("1", "alpha", "/c", "sqlite", "/s"),
        "info",
        "daemon.started",
        {
            "version": "1",
            "host": "alpha",
            "config": "/c",
            "database": "sqlite",
            "state_directory": "/s",
        },
    ),
    (events.DaemonStopped(0), "info", "daemon.stopped", {"unfinished": 0}),
    (events.DaemonStopped(1), "warning", "daemon.stopped", {"unfinished": 1}),
    (events.DaemonStopping("SIGTERM"), "info", "daemon.stopping", {"signal": "SIGTERM"}),
    (
        events.DeliveriesChanged("retry", 2, 1, 4),
        "info",
        "delivery.changed",
        {"action": "retry", "count": 2, "overtaken": 1, "held": 4},
    ),
    (
        events.PersonActed("pause", "mirror", "uid 1000", 200),
        "info",
        "person.acted",
        {"action": "pause", "subject": "mirror", "via": "uid 1000", "status": 200},
    ),
    (events.DeliveriesDeleted(4), "info", "retention.deleted", {"deliveries": 4}),
    (
        attempted(Delivered()),
        "info",
        "delivery.attempted",
        {**ATTEMPTED, "outcome": "delivered"},
    ),
    (
        attempted(RetryAt(NOW, "why")),
        "warning",
        "delivery.attempted",
        {
            **ATTEMPTED,
            "outcome": "retry",
            "error": "",
            "retry_at": "2026-03-01T12:00:00.000+00:00",
        },
    ),
    (
        attempted(GivenUp("why")),
        "warning",
        "delivery.attempted",
        {**ATTEMPTED, "outcome": "given_up", "error": ""},
    ),
    (
        attempted(Held("why")),
        "warning",
        "delivery.attempted",
        {**ATTEMPTED, "outcome": "held", "error": ""},
    ),
    (
        events.DeliverySuperseded(DELIVERY),
        "debug",
        "delivery.superseded",
        {
            "webhook": "crm-mirror",
            "delivery_id": "new",
            "object": "contacts",
            "record_id": "123",
            "superseded": ["old", "older"],
        },
    ),
    (
        events.DiskRanLow("crm", 1, 2),
        "error",
        "disk.ran_low",
        {"source": "crm", "free_bytes": 1, "needed_bytes": 2},
    ),
    (events.DiskRecovered("crm"), "info", "disk.recovered", {"source": "crm"}),
    (
        events.FileClaimed("crm", "a.csv", "c1"),
        "info",
        "file.claimed",
        {**FILE, "claim": "c1"},
    ),
    (
        events.FileColumnsIgnored("crm", "a.csv", (1, 3), 2),
        "warning",
        "file.columns_ignored",
        {**FILE, "columns": [1, 3], "count": 2},
    ),
    (
        events.FileColumnsRepeated("crm", "a.csv", "note", (2, 5), 2),
        "warning",
        "file.columns_repeated",
        {
            **FILE,
            "property": "note",
            "columns": [2, 5],
            "count": 2,
            "hint": "no webhook needs the property; these columns are left out",
        },
    ),
    (
        events.FileFailed("crm", "a.csv", "why", 2, 1, "a.error.json"),
        "error",
        "file.failed",
        {**FILE, "reason": "why", "rows": 2, "bad_rows": 1, "error_file": "a.error.json"},
    ),
    (
        events.FileChanged("crm", "a.csv", then="the rest of it is read"),
        "warning",
        "file.changed",
        {**FILE, "then": "the rest of it is read", "hint": "write to tmp/ and rename to new/"},
    ),
    (
        events.FileWrittenLate("crm", "a.csv", reason="it was deleted"),
        "error",
        "file.written_late",
        {**FILE, "reason": "it was deleted", "hint": "write to tmp/ and rename to new/"},
    ),
    (
        events.FileHeaderRepeated("crm", "a.csv", line=3),
        "warning",
        "file.header_repeated",
        {**FILE, "line": 3, "hint": "were several files joined?"},
    ),
    (
        events.FileEmpty("crm", "a.csv"),
        "warning",
        "file.empty",
        {**FILE, "hint": "it has 0 bytes: did its producer fail?"},
    ),
    (
        events.FileOlder("crm", "a.csv", "2026-01-01T00:00:00", "b.csv", "2026-01-02T00:00:00"),
        "warning",
        "file.older",
        {
            **FILE,
            "modified_at": "2026-01-01T00:00:00",
            "taken_before": "b.csv",
            "taken_modified_at": "2026-01-02T00:00:00",
            "hint": "its records replace newer ones; if they should not, drop the newer file once"
            " more, and see the source's key `order`",
        },
    ),
    (
        events.FileMisplaced("crm", "a.csv"),
        "warning",
        "file.misplaced",
        {**FILE, "hint": "it is not read here: files are taken from new/"},
    ),
    (
        events.FileGrowing("crm", "a.csv"),
        "warning",
        "file.growing",
        {**FILE, "hint": "write to tmp/ and rename to new/"},
    ),
    (
        events.FileIgnored("crm", "a.csv", "why"),
        "warning",
        "file.ignored",
        {**FILE, "reason": "why"},
    ),
    (
        events.FileProgressed("crm", "a.csv", "taking", 2, 1.7, None),
        "info",
        "file.progressed",
        {**FILE, "doing": "taking", "rows": 2, "rows_per_second": 2},
    ),
    (
        events.FileProgressed("crm", "a.csv", "taking", 2, 1.7, 3.6),
        "info",
        "file.progressed",
        {**FILE, "doing": "taking", "rows": 2, "rows_per_second": 2, "seconds_left": 4},
    ),
    (
        events.FilePropertyMissing("crm", "a.csv", "email"),
        "warning",
        "file.property_missing",
        {
            **FILE,
            "property": "email",
            "hint": "it has no value in these records; was the column renamed?",
        },
    ),
    (
        events.FileTaken("crm", "a.csv", 2, 1.23456, None),
        "info",
        "file.taken",
        {**FILE, "rows": 2, "seconds": 1.235},
    ),
    (
        events.FileTaken("crm", "a.csv", 2, 1.23456, 0),
        "info",
        "file.taken",
        {**FILE, "rows": 2, "seconds": 1.235, "deletions": 0},
    ),
    (
        events.FirstReadDone(POLL, 9, 1.23456),
        "info",
        "source.first_read_done",
        {**POLLED, "read": 9, "seconds": 1.235},
    ),
    (
        events.FirstReadProgressed(POLL, 9, 1.23456),
        "info",
        "source.first_read",
        {**POLLED, "read": 9, "per_second": 1.235},
    ),
    (
        events.FleetDaemonDied(1, "beta", 7),
        "warning",
        "fleet.daemon_died",
        {"number": 1, "host": "beta", "process_id": 7},
    ),
    (events.FleetRejoined(None), "warning", "fleet.rejoined", {"number": None}),
    (
        events.ObjectRefused(POLL, "wrong", 60.0),
        "error",
        "source.object_refused",
        {
            **POLLED,
            "error": "wrong",
            "again_in": 60.0,
            "hint": "give the token the scope to read it, or take it out of the configuration",
        },
    ),
    (
        events.PollFailed(POLL, "wrong", 1.23456),
        "error",
        "source.poll_failed",
        {**POLLED, "error": "wrong", "again_in": 1.235},
    ),
    (events.PollRecovered(POLL), "info", "source.poll_recovered", POLLED),
    (
        events.PropertiesMissing("hub", "contacts", ("a", "b")),
        "warning",
        "source.property_missing",
        {
            "source": "hub",
            "object": "contacts",
            "properties": ["a", "b"],
            "hint": "they are read as empty until they are there",
        },
    ),
    (
        events.ValueNotComparable("crm", "deals", "amount", "900,00", "number"),
        "warning",
        "source.value_not_comparable",
        {
            "source": "crm",
            "object": "deals",
            "property": "amount",
            "example": "900,00",
            "expected": "number",
            "hint": "conditions of order (GT, LT, BETWEEN …) do not hold for such values;"
            " csv.decimal and csv.dates say how the files of a drop directory write them",
        },
    ),
    (
        events.PropertiesTakenOver(POLL, 9),
        "info",
        "source.properties_taken_over",
        {**POLLED, "read": 9},
    ),
    (
        events.PresetUsed("crm", "pocketbase", "documents 2026-11"),
        "info",
        "source.preset_used",
        {"source": "crm", "preset": "pocketbase", "status": "documents 2026-11"},
    ),
    (
        events.SourceBlocked("crm", "why"),
        "error",
        "source.blocked",
        {"source": "crm", "reason": "why"},
    ),
    (
        events.SourceElsewhere("crm", "beta", "alpha"),
        "info",
        "source.elsewhere",
        {"source": "crm", "host": "beta", "this_host": "alpha"},
    ),
    (
        events.SourceFailed("crm", "wrong", 1.23456),
        "error",
        "source.failed",
        {"source": "crm", "error": "wrong", "again_in": 1.23456},
    ),
    (
        events.SourcePolled(POLL, 0, 9, 1.23456),
        "debug",
        "source.polled",
        {**POLLED, "changes": 0, "read": 9, "seconds": 1.235},
    ),
    (
        events.SourcePolled(POLL, 2, 9, 1.23456),
        "info",
        "source.polled",
        {**POLLED, "changes": 2, "read": 9, "seconds": 1.235},
    ),
    (
        events.RecordsAhead("crm", "contacts", "7", 600),
        "warning",
        "source.records_ahead",
        {
            "source": "crm",
            "object": "contacts",
            "record_id": "7",
            "ahead_seconds": 600,
            "hint": "set the clock of this machine, or of whoever writes the files",
        },
    ),
    (
        events.RecordsLeftOut("hub", "contacts", 2, ("1", "2"), "its id is empty"),
        "warning",
        "source.records_left_out",
        {
            "source": "hub",
            "object": "contacts",
            "count": 2,
            "record_ids": ["1", "2"],
            "reason": "its id is empty",
        },
    ),
    (
        events.BadRowsFound("crm", "contacts", 2, ("1", "2"), "its id is empty"),
        "warning",
        "source.bad_rows",
        {
            "source": "crm",
            "object": "contacts",
            "count": 2,
            "record_ids": ["1", "2"],
            "reason": "its id is empty",
        },
    ),
    (
        events.AssociatedCut("crm", "contacts", "companies", 2, ("1", "2"), 100),
        "warning",
        "source.associated_cut",
        {
            "source": "crm",
            "object": "contacts",
            "prefix": "companies",
            "count": 2,
            "record_ids": ["1", "2"],
            "most": 100,
            "hint": "choose fewer by 'label', or take: first",
        },
    ),
    (
        events.LabelMissing("crm", "contacts", "companies", "Boss", ("Primary (1)",)),
        "warning",
        "source.label_missing",
        {
            "source": "crm",
            "object": "contacts",
            "prefix": "companies",
            "label": "Boss",
            "labels": ["Primary (1)"],
            "hint": "nothing is carried until it is there; write one of labels,"
            " or {type_id: NUMBER}",
        },
    ),
    (
        events.OwnersStale("crm", "the API answered 500"),
        "warning",
        "source.owners_stale",
        {
            "source": "crm",
            "error": "the API answered 500",
            "hint": "the owners read before are used; it is tried again in an hour",
        },
    ),
    (
        events.OwnerUnknown("crm", "contacts", "77"),
        "warning",
        "source.owner_unknown",
        {"source": "crm", "object": "contacts", "owner_id": "77"},
    ),
    (
        events.ListRefused("crm", "contacts", "vip", "it is deleted", again_in=60.0),
        "warning",
        "source.list_refused",
        {
            "source": "crm",
            "object": "contacts",
            "list": "vip",
            "error": "it is deleted",
            "again_in": 60.0,
            "hint": "its members stay members until it can be read; give the token the scope"
            " crm.lists.read, or correct its id",
        },
    ),
    (
        events.AbsenceSetAside("crm", "contacts", missing=60, known=100),
        "warning",
        "source.absence_set_aside",
        {
            "source": "crm",
            "object": "contacts",
            "missing": 60,
            "known": 100,
            "hint": "nothing is deleted for it; if it is right, let it through: webhookd sources"
            " accept SOURCE/OBJECT",
        },
    ),
    (
        events.ChangeTokenExpired("crm", "contacts"),
        "warning",
        "source.token_expired",
        {
            "source": "crm",
            "object": "contacts",
            "hint": "the whole list is read again; does the API keep what changed for longer than"
            " the source was not read?",
        },
    ),
    (
        events.MoreUnread("crm", "contacts", "next", rows=100, is_full=True),
        "warning",
        "source.more_unread",
        {
            "source": "crm",
            "object": "contacts",
            "sign": "next",
            "rows": 100,
            "is_full": True,
            "hint": "only the first page is read; does the object want paging?",
        },
    ),
    (
        events.ClocksDiffer("hub", "the newest record", -600),
        "warning",
        "source.clocks_differ",
        {
            "source": "hub",
            "compared": "the newest record",
            "ahead_seconds": -600,
            "hint": "set this machine's clock; what is read does not depend on it,"
            " times in requests do",
        },
    ),
    (events.SourceRecovered("crm"), "info", "source.recovered", {"source": "crm"}),
    (
        events.SourceUnauthorized("hub", "wrong", 60.0),
        "error",
        "source.unauthorized",
        {
            "source": "hub",
            "error": "wrong",
            "again_in": 60.0,
            "hint": "put the right token in its place and reload, which asks at once",
        },
    ),
    (
        events.TokenReceived("login.example.com", 0.12345, 3600.0),
        "info",
        "token.received",
        {"host": "login.example.com", "seconds": 0.123, "lifetime": 3600.0},
    ),
    (
        events.TokenReceived("login.example.com", 0.12345, None),
        "info",
        "token.received",
        {"host": "login.example.com", "seconds": 0.123, "lifetime": None},
    ),
    (
        events.TokenFailed("login.example.com", "refused", "it answered 401", 2.0),
        "error",
        "token.failed",
        {
            "host": "login.example.com",
            "reason": "refused",
            "error": "it answered 401",
            "again_in": 2.0,
        },
    ),
    (
        events.SourceUnreadable("crm", "why"),
        "error",
        "source.unreadable",
        {"source": "crm", "reason": "why"},
    ),
    (
        events.SourceUnwatched("crm", "why"),
        "warning",
        "source.unwatched",
        {"source": "crm", "reason": "why"},
    ),
    (
        events.StorageRefused("due", 3, "wrong"),
        "error",
        "storage.refused",
        {"what": "due", "count": 3, "error": "wrong"},
    ),
    (events.WebhookHeld("w", "gone"), "error", "webhook.held", {"webhook": "w", "reason": "gone"}),
    (events.WebhookHoldChanged("w", None), "info", "webhook.resumed", {"webhook": "w"}),
    (
        events.WebhookHoldChanged("w", "asked"),
        "warning",
        "webhook.paused",
        {"webhook": "w", "reason": "asked"},
    ),
    (
        events.WebhookProbed("w", "dns"),
        "warning",
        "webhook.probed",
        {"webhook": "w", "reason": "dns"},
    ),
    (
        events.WebhookProbingEnded("w", "answered", 1.23456),
        "info",
        "webhook.probing_ended",
        {"webhook": "w", "reason": "answered", "seconds": 1.235},
    ),
    (
        events.BodyTooLarge("crm", "7", "w", "0198", 8),
        "error",
        "delivery.too_large",
        {"source": "crm", "record_id": "7", "webhook": "w", "delivery_id": "0198", "largest": 8},
    ),
]
FAULTS = [
    (
        events.ChangeUndecided("crm", "7", "w", WRONG),
        "change.decision_broke",
        {"source": "crm", "record_id": "7", "webhook": "w"},
    ),
    (
        events.BugFound("source.broke", WRONG, {"source": "crm"}),
        "source.broke",
        {"source": "crm"},
    ),
    (
        events.PollBroke("hub", "contacts", WRONG),
        "source.poll_broke",
        {"source": "hub", "object": "contacts"},
    ),
]


def written(event):
    """Return every log line of *event*."""
    logs.configure("console", "DEBUG")
    with capture_logs() as lines:
        log_lines.write(event)
    return lines


@pytest.mark.parametrize(("event", "level", "name", "facts"), LINES)
def test_each_event_has_its_line(event, level, name, facts):
    (line,) = written(event)

    assert line == {"event": name, "log_level": level, **facts}


@pytest.mark.parametrize(("event", "name", "facts"), FAULTS)
def test_a_bug_shows_its_stack(event, name, facts):
    (line,) = written(event)

    assert line.pop("stack") == "ValueError: wrong\n"
    assert line == {"event": name, "log_level": "error", "error": "ValueError: wrong", **facts}


def test_no_event_is_left_without_a_line():
    shown = {type(event) for event, *_ in [*LINES, *FAULTS]}

    # Deliveries that are stored are told by their attempts, and in number by their batch.
    assert {kind.__name__ for kind in set(kinds()) - shown} == {"DeliveriesStored"}


def test_every_event_is_a_frozen_value_of_plain_fields():
    """A listener may keep it: nothing changes it later."""
    for kind in kinds():
        assert kind.__dataclass_params__.frozen, kind
        assert set(kind.__slots__) == set(kind.__dataclass_fields__), kind


def test_every_event_can_be_imported_from_one_place():
    found = {kind.__name__ for kind in events.Event.__subclasses__()}

    assert found | {"Event"} == set(events.__all__)


def kinds():
    """Return every class of events."""
    return [getattr(events, name) for name in events.__all__ if name != "Event"]


def test_successes_may_be_left_out_of_the_log(monkeypatch):
    logs.sample_successes(0)
    try:
        assert written(attempted(Delivered())) == []
        assert len(written(attempted(GivenUp("why")))) == 1
    finally:
        logs.sample_successes(1)
