"""Two definitions of a source that differ only in who may wake it are read alike."""

from __future__ import annotations

from dataclasses import replace

from webhookd.definitions import (
    Bearer,
    HubspotSource,
    OwnEventsSource,
    RestSource,
    Wake,
    are_read_alike,
)
from webhookd.model import Secret

CRM = HubspotSource("crm", "https://api.example.com", Secret("t"), ())
WAKE = Wake(authentication=Bearer(Secret("w")))


def test_a_wake_makes_no_other_source_to_read():
    assert are_read_alike(CRM, replace(CRM, wake=WAKE))
    assert replace(CRM, wake=WAKE) != CRM


def test_everything_else_does():
    assert not are_read_alike(CRM, replace(CRM, token=Secret("u"), wake=WAKE))
    assert not are_read_alike(CRM, RestSource("crm", "https://api.example.com", ()))
    assert are_read_alike(OwnEventsSource("self"), OwnEventsSource("self"))
