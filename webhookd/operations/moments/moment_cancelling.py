"""A person takes a record's next moment away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.operations.lookups.record_lookup import UnknownRecordError
from webhookd.operations.moments.moment_lookup import moment_view, timer_of
from webhookd.rules.moments import candidates
from webhookd.storage.database.times import to_micros
from webhookd.storage.moments import stored_moments, stored_waits
from webhookd.storage.moments.stored_moments import DueMoment
from webhookd.storage.records.known_records import find_known

if TYPE_CHECKING:
    from webhookd.definitions import At
    from webhookd.storage.database.connection import Connection
    from webhookd.views.moments import MomentView


def cancel(connection: Connection, webhook: str, record_id: str, at: At | None) -> MomentView:
    """Have the next moment of a record pass for one that has come; return what it was.

    Runs on the writer's thread. *at* is the timer of the webhook in force, for the next year's.
    Raises an UnknownNameError where the webhook has no timer, an UnknownRecordError where the
    record awaits nothing.
    """
    timer = timer_of(connection, webhook)
    # Locked first: no other daemon has it come about meanwhile.
    stored_moments.told_of(connection, timer, [record_id])
    found = stored_moments.of_record(connection, timer, record_id)
    if found is None or found.at is None:
        raise UnknownRecordError(f"{timer.object} {record_id!r} awaits no moment of {webhook}")
    if found.first_at is not None:
        stored_waits.put(connection, timer, {record_id: None})
        return moment_view(timer, found)
    moment = to_micros(found.at)
    following = None
    known = find_known(connection, timer.source, timer.object, [record_id]).get(record_id)
    if at is not None and known is not None and not known.deleted:
        wanted = candidates(at, known.properties.get(at.property), moment)
        following = next((one for one in wanted if one > moment), None)
    cancelled = DueMoment(record_id, moment, to_micros(found.told))
    stored_moments.settle(connection, timer, [(cancelled, following)], are_told=True)
    return moment_view(timer, found)
