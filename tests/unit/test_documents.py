"""The documents say what the code does."""

import ast
import re
from typing import get_args

import pytest
import yaml

from tests.documents import contents, pages
from tests.documents.pages import PAGES, ROOT, headings
from webhookd.config import loading
from webhookd.config.settings.process_settings import Settings
from webhookd.model import Reason
from webhookd.telemetry import metrics

SAID = pages.text("events-and-metrics")
EVENT = re.compile(r"[a-z]+\.[a-z_]+")
NOUNS = {
    "daemon",
    "config",
    "delivery",
    "moment",
    "webhook",
    "source",
    "file",
    "disk",
    "storage",
    "person",
} | {
    *("retention", "change", "scheduler", "admin", "backfill", "fleet", "token", "inbound", "wake"),
    *("metrics", "tracing"),
}

LOGGING = {"debug", "info", "warning", "error", "emit", "BugFound", "_fault"}
"""Functions whose first argument is a log event's name."""


def events():
    """Return every text in the package that is a log event's name, by how it is used."""
    for path in (ROOT / "webhookd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in LOGGING:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_every_log_event_is_listed_and_well_named():
    found = set(events())

    assert len(found) > 20
    assert {event for event in found if not EVENT.fullmatch(event)} == set()
    assert {event for event in found if f"`{event}`" not in SAID} == set()
    assert {event.partition(".")[0] for event in found} <= NOUNS


def test_every_listed_log_event_exists():
    table = SAID[SAID.index("## Log events") :]
    listed = set(re.findall(r"`([a-z]+\.[a-z_]+)`", table))

    assert listed - set(events()) == set()


def test_every_metric_is_listed_and_no_other():
    found = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in metrics.REGISTRY.collect()
    }
    table = SAID[SAID.index("## Metrics") : SAID.index("## Log events")]

    assert set(re.findall(r"`(webhookd_[a-z_]+)`", table)) == found


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_of_the_process_is_listed(name):
    assert f"`WEBHOOKD_{name.upper()}`" in pages.text("settings")
    if name not in {"admin_token", "admin_token_file"}:
        assert f"`--{name.replace('_', '-')}`" in pages.text("settings")


def test_the_shortest_configuration_of_the_readme_is_right(tmp_path):
    readme = (ROOT / "README.md").read_text()
    (text,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "config.yaml").write_text(text)

    loaded = loading.load(tmp_path / "config.yaml", environment={"ERP_CLIENT_SECRET": "x"})

    assert list(loaded.definitions.webhooks) == ["new-customer"]
    assert yaml.safe_load(text)["version"] == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_to_a_heading(page):
    for link in pages.links(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        there = page.parent / target if target else page
        assert there.exists(), link
        if page != ROOT / "README.md":
            assert there.is_file(), f"{link}: the site has no folders"
            assert there.resolve().is_relative_to(pages.DOCS), f"{link}: not on the site"
        if anchor:
            assert anchor in {heading.anchor for heading in headings(there.read_text())}, link


@pytest.mark.parametrize("document", sorted(pages.DOCS.rglob("*.yaml")), ids=lambda path: path.name)
def test_what_points_to_a_page_from_elsewhere_finds_it(document):
    for name, anchor in re.findall(r"\bdocs/([a-z/-]+)\.md#([a-z0-9-]+)", document.read_text()):
        assert anchor in {heading.anchor for heading in headings(pages.text(name))}, anchor


def test_every_page_is_in_the_navigation_of_the_site():
    site = (ROOT / "mkdocs.yml").read_text()
    told = re.findall(r"([\w/-]+\.md)$", site, re.MULTILINE)

    assert sorted(told) == [str(page.relative_to(pages.DOCS)) for page in PAGES[1:]]


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_page_begins_with_its_contents(page):
    told = page.read_text()

    assert told == contents.renewed(told), "renew with: python -m tests.documents.contents"


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_for_no_answer_is_explained(reason):
    assert f"\n| `{reason}` | " in pages.text("delivery")


def test_every_picture_is_shown_and_small():
    shown = {
        (document.parent / target).resolve()
        for document in PAGES
        for target in re.findall(r'\b(?:src|srcset)="([^"]+\.png)"', document.read_text())
    }
    pictures = set((ROOT / "docs" / "console").glob("*.png"))

    assert pictures == shown
    assert [path.name for path in pictures if path.stat().st_size > 200 * 1024] == []
