"""A quiet PocketBase has the same records for this source and for dlt's rest_api.

Only in `make sources`, which installs dlt in an environment of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.sources.rest.test_pocketbase import RECORDS, STRATEGIES, base, crm

DLT = os.environ.get("WEBHOOKD_TEST_DLT")
PROGRAM = Path(__file__).parents[3] / "dlt_reads.py"
pytestmark = pytest.mark.skipif(DLT is None, reason="dlt is for `make sources`")

__all__ = ["base", "crm"]
"""Fixtures: one PocketBase, and what reads it."""


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_ids_are_read(base, crm, tmp_path, name):
    reading = crm(**STRATEGIES[name])
    ids = base.create(RECORDS)
    base.delete(ids[:100])
    time.sleep(1.1)
    reading.poll()
    environment = {**os.environ, "CRM_TOKEN": base.token, "RUNTIME__DLTHUB_TELEMETRY": "false"}

    read = subprocess.run(
        [str(Path(DLT).absolute()), PROGRAM, base.url],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=600,
    )

    found = json.loads(read.stdout)
    assert sorted(found) == sorted(reading.known()) == sorted(ids[100:])
