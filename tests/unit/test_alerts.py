"""The alert rules name metrics, labels and sections that exist."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
import yaml

from tests import promql
from tests.making import NOW
from tests.promql import polled, series
from webhookd.model import Delivered, GivenUp, Held, Outcome, PollOutcome, RetryAt

ROOT = Path(__file__).parents[2]
CONTENT = yaml.safe_load((ROOT / "docs" / "monitoring" / "alerts.yaml").read_text())
RULES = [rule for group in CONTENT["groups"] for rule in group["rules"]]
OUTCOMES = {Delivered: "delivered", RetryAt: "retry", GivenUp: "given_up", Held: "held"}

rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def anchors(document):
    """Return the anchors of a document's headings, as they are made of their words."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@rules
def test_every_series_and_label_of_an_expression_exists(rule):
    known, used = series(), promql.used(rule["expr"])

    assert used.names
    assert used.names - known.keys() == set()
    for name, labels in used.selected.items():
        assert labels <= known[name], name
    assert used.grouped <= {label for name in used.names for label in known[name]}


@rules
def test_every_alert_says_how_bad_it_is_and_what_to_do(rule):
    assert re.fullmatch(r"[0-9]+[mh]", rule["for"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert {"summary", "description", "runbook"} == rule["annotations"].keys()


@rules
def test_every_runbook_leads_to_a_section(rule):
    path, _, anchor = rule["annotations"]["runbook"].partition("#")

    assert anchor in anchors(ROOT / path)


def test_the_outcomes_that_are_asked_for_are_those_that_are_counted():
    asked = {
        outcome
        for rule in RULES
        for text in re.findall(r'outcome=~?"([^"]*)"', rule["expr"])
        for outcome in text.split("|")
    }

    assert set(get_args(Outcome)) == OUTCOMES.keys()
    assert asked <= set(OUTCOMES.values())


def test_every_label_in_a_sentence_is_one_that_the_expression_gives():
    for rule in RULES:
        told = " ".join(rule["annotations"].values())
        for label in re.findall(r"\$labels\.([a-z_]+)", told):
            names = promql.used(rule["expr"]).names
            assert any(label in series()[name] for name in names), rule["alert"]


HOUR = timedelta(hours=1)
NEVER = {"lag_seconds": None, "lag_at": None, "last_success_at": None}
RESTS = PollOutcome(last_error="the API answered 403", last_error_at=NOW)
REFUSED = {"requests": Counter({"200": 9, "401": 1}), "failures": 1}
POLLED = {
    "quiet": ({}, set()),
    "a token refused an hour ago": (
        REFUSED | {"last_success_at": NOW - HOUR, "lag_at": NOW - HOUR},
        {"WebhookdPollRefused", "WebhookdPollBehind"},
    ),
    "a token refused from the start": (
        {"requests": Counter({"401": 1}), "failures": 1} | NEVER,
        {"WebhookdPollRefused"},
    ),
    "a token refused once, and mended": (REFUSED, set()),
    "a server that fails": (
        {"failures": 9, "last_success_at": NOW - HOUR, "lag_at": NOW - HOUR},
        {"WebhookdPollFailing", "WebhookdPollBehind"},
    ),
    "a server that fails from the start": ({"failures": 9} | NEVER, {"WebhookdPollFailing"}),
    "a server that fails now and then": ({"failures": 9}, set()),
    "a poll that never ends": (
        {"last_success_at": NOW - HOUR, "lag_at": NOW - HOUR},
        {"WebhookdPollBehind"},
    ),
    "a list that cannot be read": ({"parts": {"lists/vip": RESTS}}, {"WebhookdPollPartRests"}),
    "a list and owners that were read": (
        {"parts": {"lists/vip": PollOutcome(), "owners": PollOutcome(NOW)}},
        set(),
    ),
}


@pytest.mark.parametrize(("figures", "tripped"), POLLED.values(), ids=POLLED)
def test_what_goes_wrong_with_polls_trips_its_rule_and_a_quiet_source_none(figures, tripped):
    samples = polled(**figures)
    rules = [rule for rule in RULES if rule["alert"].startswith("WebhookdPoll")]

    assert {rule["alert"] for rule in rules if holds(rule["expr"], samples)} == tripped


def holds(expression, samples):
    """Return whether *expression*, of the shapes that rules of polls have, gives anything.

    There is one type of object, and what it has grew within the time that is looked at.
    """
    joined = re.split(r" (and|unless)(?: on \([^)]*\))? ", expression)
    given = compared(joined[0], samples)
    for word, side in zip(joined[1::2], joined[2::2], strict=True):
        given = given and compared(side, samples) == (word == "and")
    return given


def compared(side, samples):
    shape = re.fullmatch(
        r"(?P<time>time\(\) - )?(?:(?:increase|delta)\()?(?P<name>[a-z_]+)"
        r"(?:\{status=~\"(?P<status>[^\"]*)\"\})?(?:\[\w+\]\))? (?P<sign>[<>]) (?P<limit>\d+)",
        side,
    )
    assert shape, side
    limit = float(shape["limit"])
    for name, labels, value in samples:
        if name == shape["name"] and re.fullmatch(
            shape["status"] or ".*", labels.get("status", "")
        ):
            found = NOW.timestamp() - value if shape["time"] else value
            return found > limit if shape["sign"] == ">" else found < limit
    return False
