"""Filters of deliveries as conditions in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import literal_column, select

from webhookd.model import DeliveryState
from webhookd.storage.database.times import to_micros
from webhookd.storage.schema.tables import DELIVERIES, LANES
from webhookd.storage.search import cause_conditions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

    from webhookd.model import DeliveryFilter

HELD = (
    LANES.c.paused_reason.isnot(None)
    | LANES.c.gone_reason.isnot(None)
    | LANES.c.absent_reason.isnot(None)
)


def conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    """Return *wanted* as conditions on deliveries."""
    found: list[ColumnElement[bool]] = []
    if wanted.webhook is not None:
        # Not by a join: SQLite may begin it with the lanes, and look through all for each.
        lane = select(LANES.c.number).where(LANES.c.webhook == wanted.webhook)
        found.append(DELIVERIES.c.lane == lane.scalar_subquery())
    if wanted.state is not None:
        found += is_in(wanted.state)
    return [*found, *of_rows(wanted)]


def of_rows(wanted: DeliveryFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of *wanted* that only a delivery's own row answers."""
    if wanted.source is not None:
        yield DELIVERIES.c.source == wanted.source
    if wanted.object is not None:
        yield DELIVERIES.c.object == wanted.object
    if wanted.record_id is not None:
        yield DELIVERIES.c.record_id == wanted.record_id
    if wanted.change is not None:
        yield DELIVERIES.c.change == wanted.change.value
    if wanted.error is not None:
        yield cause_conditions.is_cause(wanted.error)
    if wanted.since is not None:
        yield DELIVERIES.c.created_at >= to_micros(wanted.since)
    if wanted.until is not None:
        yield DELIVERIES.c.created_at < to_micros(wanted.until)


def is_in(state: DeliveryState) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a delivery is in *state*."""
    if state is DeliveryState.HELD:
        return stands_as("pending"), is_held()
    if state is DeliveryState.PENDING:
        return stands_as("pending"), ~is_held()
    return (stands_as(state.value),)


def is_held() -> ColumnElement[bool]:
    """Return the condition that a delivery's webhook is held."""
    return DELIVERIES.c.lane.in_(select(LANES.c.number).where(HELD))


def stands_as(name: str) -> ColumnElement[bool]:
    """Return the condition that a row has the state *name*, as conditions of indexes say it.

    For a parameter, no database would use those.
    """
    return DELIVERIES.c.state == literal_column(f"'{name}'")
