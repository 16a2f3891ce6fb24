"""The alert rules name metrics, labels and sections that exist."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
import yaml

from tests.making import NOW
from webhookd.model import Delivered, GivenUp, Held, Outcome, RetryAt
from webhookd.telemetry import metrics
from webhookd.telemetry.attempt_figures import AttemptFigures
from webhookd.telemetry.figures import FIGURES, PollFigures, Polls

ROOT = Path(__file__).parents[2]
CONTENT = yaml.safe_load((ROOT / "docs" / "monitoring" / "alerts.yaml").read_text())
RULES = [rule for group in CONTENT["groups"] for rule in group["rules"]]
OUTCOMES = {Delivered: "delivered", RetryAt: "retry", GivenUp: "given_up", Held: "held"}
OF_PROMETHEUS = {
    "up": {"job"},
}
FUNCTIONS = {"absent", "delta", "histogram_quantile", "increase", "rate", "sum", "time"}
WORDS = {"and", "by", "offset", "on", "or", "unless"}

rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def series():
    """Return the labels of every series that webhookd exposes, by its name."""
    metrics.STANDING.lanes = (
        metrics.LaneStanding("a", 1, 1, 1, 1.0, 1, is_held=True, is_probed=True, is_failing=True),
    )
    found = {name: set(labels) for name, labels in OF_PROMETHEUS.items()}
    for metric in metrics.REGISTRY._names_to_collectors.items():
        name, collector = metric
        found[name] = set(getattr(collector, "_labelnames", ()))
        if name.endswith("_bucket"):
            found[name].add("le")
    for family in metrics.STANDING.collect():
        found[family.name] = {label for sample in family.samples for label in sample.labels}
    metrics.STANDING.lanes = ()
    attempts = AttemptFigures()
    attempts.ended("a", "delivered", "2xx", 1.0)
    for sample in (sample for family in attempts.collect() for sample in family.samples):
        found[sample.name] = set(sample.labels)
    return found | {name: set(labels) for name, labels, _ in polled()}


def polled(**figures):
    """Return every sample that a polled type of object with *figures* has: name, labels, value."""
    now = figures.pop("now", NOW)
    plain = {"lag_seconds": 0.0, "lag_at": now, "last_success_at": now}
    FIGURES["crm", "contacts"] = PollFigures(
        "crm", "contacts", **({"requests": Counter({"200": 1})} | plain | figures)
    )
    polls = Polls()
    polls.now = now
    samples = [sample for family in polls.collect() for sample in family.samples]
    FIGURES.clear()
    return [(sample.name, sample.labels, sample.value) for sample in samples]


def names(expression):
    """Return the series, the labels of each selector, and the labels that are grouped by."""
    grouped = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression)
    bare = re.sub(r"\b(?:by|on)\s*\([^)]*\)", "", expression)
    selectors = re.findall(r"([a-z_]+)\{([^}]*)\}", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", "", bare)
    used = set(re.findall(r"\b[a-z_]+\b", bare)) - FUNCTIONS - WORDS
    matched = {
        name: set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", text)) for name, text in selectors
    }
    return used, matched, {one.strip() for text in grouped for one in text.split(",")}


def anchors(document):
    """Return the anchors of a document's headings, as they are made of their words."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@rules
def test_every_series_and_label_of_an_expression_exists(rule):
    known = series()
    used, matched, grouped = names(rule["expr"])

    assert used
    assert used - known.keys() == set()
    for name, labels in matched.items():
        assert labels <= known[name], name
    assert grouped <= {label for name in used for label in known[name]}


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
            used, _, _ = names(rule["expr"])
            assert any(label in series()[name] for name in used), rule["alert"]


HOUR = timedelta(hours=1)
NEVER = {"lag_seconds": None, "lag_at": None, "last_success_at": None}
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
