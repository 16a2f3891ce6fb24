"""A real Prometheus scrapes a real daemon: it takes the alert rules and every panel's expressions.

It is Debian's package `prometheus`; where it is not installed, these tests are left out.
"""

import json
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.daemon import PATIENCE, until
from tests.receiver import Answer, Receiver

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
ALERTS = MONITORING / "alerts.yaml"
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")

pytestmark = pytest.mark.skipif(
    not PROMETHEUS or not PROMTOOL, reason="Debian's package prometheus is not installed"
)

OF_GRAFANA = {"$__rate_interval": "5s", "$webhook": ".*", "$source": ".*", "$job": ".*"}

WITHOUT_DATA = {
    "webhookd_poll_": "nothing is polled here",
    "webhookd_token_": "no webhook has a token",
    "webhookd_moments": "no webhook waits for moments",
    "webhookd_wakes_": "nothing is woken",
    "webhookd_deliveries_superseded": "nothing is superseded",
    "webhookd_watched_reloads": "nothing was reloaded",
    "webhookd_source_bad_rows": "no row was bad",
    "webhookd_source_errors": "no source failed",
}
"""Series that begin when something happens that does not happen here."""


class Prometheus:
    """A server on loopback that scrapes *address* twice a second."""

    def __init__(self, folder, address):
        self._folder = folder
        (folder / "prometheus.yaml").write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "500ms", "evaluation_interval": "1s"},
                    "rule_files": [str(ALERTS)],
                    "scrape_configs": [
                        {"job_name": "webhookd", "static_configs": [{"targets": [address]}]}
                    ],
                }
            )
        )
        log = (folder / "prometheus.log").open("wb")
        words = [
            f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/series",
            "--web.listen-address=127.0.0.1:0",
        ]
        self._process = subprocess.Popen([PROMETHEUS, *words], stderr=log, stdout=log)
        log.close()
        self.url = until(self._listens, "Prometheus listens")

    def _listens(self):
        said = (self._folder / "prometheus.log").read_text()
        assert self._process.poll() is None, said
        found = re.search(r'msg="?Listening on"? address=(\S+)', said)
        return found and f"http://{found[1]}"

    def get(self, path, **query):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def ask(self, expression):
        """Return the series that *expression* gives, and the error where it gives none."""
        answer = self.get("query", query=expression, time=time.time())
        return answer.get("data", {}).get("result"), answer.get("error")

    def stop(self):
        self._process.terminate()
        self._process.wait(PATIENCE)


def work(daemon, server):
    """Have something be attempted; return the rate at which that happens, as soon as it is seen."""
    threading.Event().wait(0.3)
    name = time.monotonic_ns()
    daemon.drop_rows(f"{name}.ndjson", *({"id": f"{name}-{number}"} for number in range(9)))
    return server.ask("rate(webhookd_attempts_total[5s]) > 0")[0]


@pytest.fixture
def scraped(daemon, tmp_path):
    """Return a Prometheus that has scraped a daemon at work."""
    answers = (Answer(200) if number % 3 else Answer(503) for number in range(10**6))
    with Receiver(lambda _: next(answers)) as receiver:
        request = {"url": receiver.url, "allow_http": True}
        daemon.configure({"mirror": {"source": "export", "object": "contacts", "request": request}})
        daemon.environment["WEBHOOKD_METRICS_ADDRESS"] = "127.0.0.1:0"
        daemon.start()
        (listening,) = daemon.named("metrics.listening")
        server = Prometheus(tmp_path, listening["address"])
        try:
            until(lambda: work(daemon, server), "attempts")
            yield server
        finally:
            server.stop()


def expressions():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in OF_GRAFANA.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression


def test_every_panel_shows_something_and_no_rule_fails(scraped):
    found = {expression: scraped.ask(expression) for _, expression in expressions()}

    assert {expression: error for expression, (_, error) in found.items() if error} == {}
    empty = {expression for expression, (series, _) in found.items() if not series}
    assert {
        expression for expression in empty if not any(name in expression for name in WITHOUT_DATA)
    } == set()
    # Each rule was evaluated against what was scraped, and nothing is wrong here.
    groups = until(
        lambda: _evaluated(scraped.get("rules")["data"]["groups"]), "the rules are evaluated"
    )
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def _evaluated(groups):
    rules = [rule for group in groups for rule in group["rules"]]
    return groups if rules and all(rule["health"] != "unknown" for rule in rules) else None


def test_promtool_takes_the_rules():
    done = subprocess.run([PROMTOOL, "check", "rules", ALERTS], capture_output=True, check=False)

    assert done.returncode == 0, done.stdout
