"""Troubles of sources, by a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest

from webhookd.intake.own_events.source_troubles import SourceTroubles
from webhookd.telemetry.events import (
    PollFailed,
    SourceFailed,
    SourcePolled,
    SourceRecovered,
    SourceUnauthorized,
    SourceUnreadable,
)
from webhookd.telemetry.figures import PollFigures


def poll(object_="contacts", source="crm"):
    return PollFigures(source, object_).summary()


def failed(object_="contacts", again=10.0):
    return PollFailed(poll(object_), "503", again)


def polled(object_="contacts"):
    return SourcePolled(poll(object_), changes=0, read=0, seconds=0.1)


class Troubles:
    """Troubles that count from 300 seconds on, and what was told of them."""

    def __init__(self):
        self.now = 0.0
        self.told = []
        self.troubles = SourceTroubles(
            lambda source, reason: self.told.append(("failed", source, reason)),
            lambda source, reason: self.told.append(("recovered", source, reason)),
            monotonic=lambda: self.now,
        )

    def at(self, seconds, *events):
        self.now = float(seconds)
        for event in events:
            self.troubles.note(event)
        self.troubles._look()
        self.troubles.stop()


@pytest.fixture
def run():
    def play(*steps):
        async def playing():
            made = Troubles()
            for seconds, *events in steps:
                made.at(seconds, *events)
            return made.told

        return asyncio.run(playing())

    return play


def test_what_fails_for_less_than_five_minutes_is_told_to_nobody(run):
    assert run((0, failed()), (60, failed()), (290, polled()), (400,)) == []


def test_what_fails_for_five_minutes_is_told_once_and_its_recovery_once(run):
    steps = [(seconds, failed(again=60)) for seconds in range(0, 601, 60)]

    assert run(*steps, (610, polled()), (620, polled())) == [
        ("failed", "crm", "contacts: 503"),
        ("recovered", "crm", "contacts: 503"),
    ]


def test_one_type_of_object_that_goes_well_does_not_heal_another(run):
    steps = [
        (seconds, failed("deals", again=60), polled("contacts")) for seconds in range(0, 361, 60)
    ]

    assert run(*steps) == [("failed", "crm", "deals: 503")]


def test_what_is_not_said_again_in_time_is_over(run):
    """Another daemon of a fleet reads the source by now, and this one hears no more of it."""
    assert run((0, failed(again=10)), (71,), (400,)) == []


def test_a_folder_that_is_away_is_said_once_and_stays_so_until_it_is_back(run):
    away = SourceUnreadable("crm", "no such folder")

    assert run((0, away), (299,)) == []
    assert run((0, away), (301,), (900, SourceRecovered("crm"))) == [
        ("failed", "crm", "no such folder"),
        ("recovered", "crm", "no such folder"),
    ]


def test_a_source_that_runs_again_recovers_when_it_would_have_failed_anew(run):
    steps = [(seconds, SourceFailed("crm", "not a folder", 60)) for seconds in range(0, 361, 60)]

    assert run(*steps, (479,)) == [("failed", "crm", "not a folder")]
    assert run(*steps, (482,))[1:] == [("recovered", "crm", "not a folder")]


def test_a_refused_token_is_over_with_the_first_poll_that_goes_well(run):
    refused = SourceUnauthorized("crm", "401", 600)

    assert run((0, refused), (310,), (590, polled())) == [
        ("failed", "crm", "401"),
        ("recovered", "crm", "401"),
    ]
