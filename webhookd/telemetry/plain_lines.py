"""Log lines that show the fields of their event as they are, in order: the field is the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from webhookd.telemetry import events
from webhookd.telemetry.logs import log

if TYPE_CHECKING:
    from collections.abc import Callable

Line: TypeAlias = "Callable[[Any], None]"
"""Writes the line of an event of one class, which is what `Any` stands for."""


def debug(name: str, **more: str) -> Line:
    """Return what writes a line of this level: an event's fields, and *more*."""
    return lambda event: log.debug(name, **_facts(event), **more)


def info(name: str, **more: str) -> Line:
    """Return what writes a line of this level: an event's fields, and *more*."""
    return lambda event: log.info(name, **_facts(event), **more)


def warning(name: str, **more: str) -> Line:
    """Return what writes a line of this level: an event's fields, and *more*."""
    return lambda event: log.warning(name, **_facts(event), **more)


def error(name: str, **more: str) -> Line:
    """Return what writes a line of this level: an event's fields, and *more*."""
    return lambda event: log.error(name, **_facts(event), **more)


def _facts(event: events.Event) -> dict[str, object]:
    return {key: _shown(getattr(event, key)) for key in event.__slots__}


def _shown(value: object) -> object:
    # As JSON has it, so that both formats of the log show the same.
    return list(value) if isinstance(value, tuple) else value


PLAIN: dict[type[events.Event], Line] = {
    events.AdminListening: info("admin.listening"),
    events.AdminWithoutToken: warning("admin.without_token", hint="set WEBHOOKD_ADMIN_TOKEN_FILE"),
    events.BackfillBegan: info("backfill.began"),
    events.BackfillResumed: info("backfill.resumed"),
    events.BatchTaken: debug("source.read"),
    events.ClocksDiffer: warning(
        "source.clocks_differ",
        hint="set this machine's clock; what is read does not depend on it, times in requests do",
    ),
    events.ConfigChangeSeen: info("config.change_seen"),
    events.ConfigWarned: warning("config.warned"),
    events.DaemonOusted: error("daemon.ousted"),
    events.DaemonReady: info("daemon.ready"),
    events.DaemonStarted: info("daemon.started"),
    events.DaemonStopping: info("daemon.stopping"),
    events.DateUnreadable: warning(
        "moment.not_a_date",
        hint="its records have no moment; a timer reads dates like 2026-11-28 with its `time` and"
        " `zone`, and times like 2026-11-28T09:00:00Z",
    ),
    events.MomentsPlanned: info("moment.planned"),
    events.PropertyUndated: warning(
        "moment.property_undated",
        hint="only those of its values that read as a date have a moment; is it the right one?",
    ),
    events.DeliveriesChanged: info("delivery.changed"),
    events.DeliveriesDeleted: info("retention.deleted"),
    events.PersonActed: info("person.acted"),
    events.DiskRanLow: error("disk.ran_low"),
    events.DiskRecovered: info("disk.recovered"),
    events.FileChanged: warning("file.changed", hint="write to tmp/ and rename to new/"),
    events.FileClaimed: info("file.claimed"),
    events.FileColumnsIgnored: warning("file.columns_ignored"),
    events.FileColumnsRepeated: warning(
        "file.columns_repeated", hint="no webhook needs the property; these columns are left out"
    ),
    events.FileEmpty: warning("file.empty", hint="it has 0 bytes: did its producer fail?"),
    events.FileFailed: error("file.failed"),
    events.FileGrowing: warning("file.growing", hint="write to tmp/ and rename to new/"),
    events.FileHeaderRepeated: warning("file.header_repeated", hint="were several files joined?"),
    events.FileIgnored: warning("file.ignored"),
    events.FileWrittenLate: error("file.written_late", hint="write to tmp/ and rename to new/"),
    events.FileMisplaced: warning(
        "file.misplaced", hint="it is not read here: files are taken from new/"
    ),
    events.FileOlder: warning(
        "file.older",
        hint="its records replace newer ones; if they should not, drop the newer file once more,"
        " and see the source's key `order`",
    ),
    events.FilePropertyMissing: warning(
        "file.property_missing",
        hint="it has no value in these records; was the column renamed?",
    ),
    events.FleetDaemonDied: warning("fleet.daemon_died"),
    events.FleetRejoined: warning("fleet.rejoined"),
    events.PropertiesMissing: warning(
        "source.property_missing", hint="they are read as empty until they are there"
    ),
    events.RecordsAhead: warning(
        "source.records_ahead",
        hint="set the clock of this machine, or of whoever writes the files",
    ),
    events.AbsenceSetAside: warning(
        "source.absence_set_aside",
        hint="nothing is deleted for it; if it is right, let it through: webhookd sources accept"
        " SOURCE/OBJECT",
    ),
    events.ListRefused: warning(
        "source.list_refused",
        hint="its members stay members until it can be read; give the token the scope"
        " crm.lists.read, or correct its id",
    ),
    events.AssociatedCut: warning(
        "source.associated_cut", hint="choose fewer by 'label', or take: first"
    ),
    events.LabelMissing: warning(
        "source.label_missing",
        hint="nothing is carried until it is there; write one of labels, or {type_id: NUMBER}",
    ),
    events.OwnersStale: warning(
        "source.owners_stale", hint="the owners read before are used; it is tried again in an hour"
    ),
    events.OwnerUnknown: warning("source.owner_unknown"),
    events.BadRowsFound: warning("source.bad_rows"),
    events.ChangeTokenExpired: warning(
        "source.token_expired",
        hint="the whole list is read again; does the API keep what changed for longer than the"
        " source was not read?",
    ),
    events.MoreUnread: warning(
        "source.more_unread",
        hint="only the first page is read; does the object want paging?",
    ),
    events.RecordsLeftOut: warning("source.records_left_out"),
    events.PresetUsed: info("source.preset_used"),
    events.SourceBlocked: error("source.blocked"),
    events.SourceElsewhere: info("source.elsewhere"),
    events.SourceFailed: error("source.failed"),
    events.SourceRecovered: info("source.recovered"),
    events.SourceUnauthorized: error(
        "source.unauthorized",
        hint="put the right token in its place and reload, which asks at once",
    ),
    events.SourceUnreadable: error("source.unreadable"),
    events.SourceUnwatched: warning("source.unwatched"),
    events.StorageRefused: error("storage.refused"),
    events.SpansLost: warning("tracing.failed"),
    events.TracingBegan: info("tracing.began"),
    events.InboundListening: info("inbound.listening"),
    events.MetricsListening: info("metrics.listening"),
    events.InboundMissing: warning(
        "inbound.missing", hint="set WEBHOOKD_INBOUND_ADDRESS, or take `wake` out of the sources"
    ),
    events.WakeAccepted: debug("wake.accepted"),
    events.WakesRefused: warning("wake.refused"),
    events.WebhookHeld: error("webhook.held"),
    events.WebhookProbed: warning("webhook.probed"),
    events.ValueNotComparable: warning(
        "source.value_not_comparable",
        hint="conditions of order (GT, LT, BETWEEN …) do not hold for such values; csv.decimal and"
        " csv.dates say how the files of a drop directory write them",
    ),
}
