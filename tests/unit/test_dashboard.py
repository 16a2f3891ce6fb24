"""The dashboard for Grafana: what it asks for exists, and each alert has a panel that shows it."""

import itertools
import json
import re
from pathlib import Path

import pytest
import yaml

from tests import promql
from tests.promql import OF_SCRAPES, series

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
TEXT = (MONITORING / "dashboard.json").read_text()
DASHBOARD = json.loads(TEXT)
PANELS = DASHBOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]
ALERTS = [
    rule["alert"]
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
VARIABLES = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
OF_GRAFANA = {"$__rate_interval": "5m", "$__all": ".*"}

panels = pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel["title"])


def as_prometheus_gets_it(expression):
    """Return an expression with Grafana's own variables filled in."""
    for name, value in OF_GRAFANA.items():
        expression = expression.replace(name, value)
    return expression


def asked():
    """Return each expression of the dashboard: of its panels and of its annotations."""
    own = [target["expr"] for panel in SHOWN for target in panel["targets"]]
    return own + [one["expr"] for one in DASHBOARD["annotations"]["list"]]


@pytest.mark.parametrize("expression", asked())
def test_each_expression_is_understood_and_asks_for_what_is_exposed(expression):
    known, used = series(), promql.used(as_prometheus_gets_it(expression))

    assert used.names
    assert used.names - known.keys() == set()
    for name, labels in used.selected.items():
        assert labels - OF_SCRAPES <= known[name], name
    assert used.grouped - OF_SCRAPES <= {label for name in used.names for label in known[name]}


@panels
def test_the_legend_speaks_of_labels_that_are_left(panel):
    for target in panel["targets"]:
        labels = set(re.findall(r"\{\{([a-z_]+)\}\}", target["legendFormat"]))
        grouped = promql.used(as_prometheus_gets_it(target["expr"])).grouped
        assert labels <= grouped, target["expr"]


def test_every_metric_that_is_documented_has_its_place():
    told = (MONITORING.parent / "events-and-metrics.md").read_text()
    rows = re.findall(r"^\| (`webhookd_[^|]*) \|", told, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(webhookd_[a-z_]+)`", row)}

    assert len(documented) > 30
    assert {name for name in documented if name not in TEXT} == set()


def test_each_alert_has_a_panel_that_shows_it():
    told = [re.findall(r"Webhookd[A-Za-z]+", panel["description"]) for panel in SHOWN]

    assert {name for names in told for name in names} == set(ALERTS)


def test_each_panel_has_a_number_and_a_place_of_its_own():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in itertools.combinations([panel["gridPos"] for panel in PANELS], 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_above
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_it_asks_the_chosen_source_of_data_and_knows_its_variables():
    named = set(re.findall(r"\$\{?([a-z_]+)\}?", TEXT)) - {"__rate_interval", "__all"}

    assert named == VARIABLES.keys()
    for panel in SHOWN:
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"
    # Nothing of the Grafana that it was made in.
    assert "id" not in DASHBOARD
