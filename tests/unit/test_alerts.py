"""The alert rules name metrics, labels and sections that exist."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from webhookd.model import Delivered, GivenUp, Held, Outcome, RetryAt
from webhookd.telemetry import metrics

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
    metrics.STANDING.lanes = (metrics.LaneStanding("a", 1, 1, 1, 1.0, 1, is_held=True),)
    found = {name: set(labels) for name, labels in OF_PROMETHEUS.items()}
    for metric in metrics.REGISTRY._names_to_collectors.items():
        name, collector = metric
        found[name] = set(getattr(collector, "_labelnames", ()))
        if name.endswith("_bucket"):
            found[name].add("le")
    for family in metrics.STANDING.collect():
        found[family.name] = {label for sample in family.samples for label in sample.labels}
    metrics.STANDING.lanes = ()
    return found


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
