"""What docs/authentication.md shows can be written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from webhookd.config import loading

PAGE = Path(__file__).parents[3] / "docs" / "authentication.md"
SHOWN = re.findall(
    r"^```yaml\n(authentication:.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
)


def test_the_page_shows_every_type():
    types = {yaml.safe_load(shown)["authentication"]["type"] for shown in SHOWN}

    assert types == {"api_key", "bearer", "basic", "oauth2"}


@pytest.mark.parametrize("shown", SHOWN)
def test_what_is_shown_is_right(tmp_path, shown):
    request = {"url": "https://example.com/", **yaml.safe_load(shown)}
    content = {
        "version": 1,
        "sources": {"crm": {"type": "drop_directory", "path": "drop", "object": "contacts"}},
        "webhooks": {"hook": {"source": "crm", "object": "contacts", "request": request}},
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(content))

    assert loading.load(file, environment={}, offline=True).warnings == ()
