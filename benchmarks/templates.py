"""Bodies from templates: what one costs beside a flat body, and a thousand at `webhookd check`.

The baselines, in the same run: the flat body of the same properties, and a thousand webhooks whose
bodies choose properties.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.rows import Row
from webhookd.config.templates.body_tree import body_template
from webhookd.definitions import PLAIN, Body, BodyFormat, ChosenProperty, Request, Webhook
from webhookd.model import Change, ChangeKind
from webhookd.rules.render import render

RUNS = 5
RENDERED = 20_000
WEBHOOKS = 1_000
NOW = {
    "dealname": '"New <roof>"',
    "dealstage": '"closedwon"',
    "amount": '"1.10"',
    "owner": '"7"',
    "languages": '"de;en"',
}
TEMPLATE = {
    "text": "{{ properties.dealname | slack }} is now {{ properties.dealstage }}",
    "blocks": [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "*{{ properties.dealname | slack }}*"},
        }
    ],
    "amount": "{{ properties.amount | number }}",
    "owner": "{{ properties.owner | default(omit) }}",
    "severity": "{{ 'critical' if properties.dealstage == 'closedwon' else 'warning' }}",
    "id": "{{ record.id }}",
}


def measure() -> list[Row]:
    """Render a record's body in both ways in turn, then check a thousand webhooks of each."""
    made = body_template(TEMPLATE, None, PLAIN)
    template = Body((), {}, BodyFormat.FLAT, previous=False, template=made)
    flat = Body(tuple(ChosenProperty(one, one) for one in NOW), {}, BodyFormat.FLAT, previous=False)
    pairs = [(_micros(template), _micros(flat)) for _ in range(RUNS)]
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        folder = Path(name)
        checks = [(_check(folder, TEMPLATE), _check(folder, None)) for _ in range(RUNS)]
    return [
        Row(
            "a body of eight expressions",
            "under 40 µs",
            [one for one, _ in pairs],
            40.0,
            is_most=True,
            unit=" µs",
            digits=1,
            figures={"flat body, µs": [other for _, other in pairs]},
        ),
        Row(
            "check of 1,000 webhooks with such bodies",
            "under 2 s of CPU",
            [one for one, _ in checks],
            2.0,
            is_most=True,
            unit=" s",
            figures={"with flat bodies, s": [other for _, other in checks]},
        ),
    ]


def _micros(body: Body) -> float:
    """Return the microseconds of CPU that a request with *body* takes to be rendered."""
    webhook = Webhook("w", "crm", "deals", Request("POST", "https://example.com/", body=body))
    change = Change(ChangeKind.UPDATED, "crm", "deals", "7", NOW, {}, datetime.now(UTC))
    began = time.process_time()
    for _ in range(RENDERED):
        render(webhook, change, delivery_id="0198")
    return (time.process_time() - began) / RENDERED * 1e6


def _check(folder: Path, template: object) -> float:
    """Return the seconds of CPU of `webhookd check`; without a *template* bodies are flat."""

    def body(number: int) -> object:
        if template is None:
            return {"properties": [*NOW]}
        # No two alike: what was read once is not read again.
        text = json.dumps(template).replace("dealname", f"dealname{number}")
        return {"template": json.loads(text.replace("amount", f"amount{number}"))}

    webhooks = {
        f"hook-{number}": {
            "source": "crm",
            "object": "deals",
            "request": {"url": f"https://receiver{number}.example.com/", "body": body(number)},
        }
        for number in range(WEBHOOKS)
    }
    source = {"type": "drop_directory", "path": "crm", "object": "deals"}
    config = folder / "config.yaml"
    config.write_text(json.dumps({"version": 1, "sources": {"crm": source}, "webhooks": webhooks}))
    before = _of_children()
    subprocess.run(
        [sys.executable, "-m", "webhookd", "check", "--config", str(config)],
        check=True,
        capture_output=True,
    )
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
