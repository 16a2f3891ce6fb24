"""The effective document and its hash: what other daemons, `plan` and metrics compare.

A release that makes another document of an unchanged file would make `plan` show changes that
nobody made, and the daemons of a fleet disagree about the configuration while it is upgraded.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from webhookd.config import loading

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "tests" / "data" / "effective"
FILES = {
    "example": (ROOT / "config.example.yaml", "cb581583fd0f"),
    "digests": (ROOT / "tests" / "data" / "digests" / "webhooks.yaml", "a58e25cf9780"),
    "spellings": (KEPT / "spellings.yaml", "0b4f9cfd9640"),
}


@pytest.mark.parametrize("name", FILES)
def test_an_unchanged_file_keeps_its_hash_and_its_effective_document(name):
    file, hash_ = FILES[name]

    found = loading.load(file, environment={}, offline=True)

    assert found.definitions.hash == hash_
    assert found.document == json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))
