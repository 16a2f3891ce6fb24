"""What reading YAML, JSON and a schema costs beside the libraries that do it (ADRs 0008 to 0010).

    pip install ruamel.yaml ijson jsonschema-rs
    python -m benchmarks.parsers

All run in turn in one process; the figures are medians of the CPU time of three rounds.
"""

from __future__ import annotations

import io
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import ijson
import jsonschema_rs
import yaml
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from webhookd.config import schema
from webhookd.config.text import document
from webhookd.sources.formats import json_rows

if TYPE_CHECKING:
    from collections.abc import Callable

WEBHOOKS = 1000
ROWS = 20_000

HEAD = """\
version: 1
sources:
  crm: {type: drop_directory, path: drop, object: contacts}
webhooks:
"""
WEBHOOK = """\
  hook-%(number)d:
    source: crm
    object: contacts
    trigger:
      changes: [created, updated]
      when:
        - {property: lifecyclestage, operator: EQ, value: customer}
        - any:
            - {property: email, operator: HAS_PROPERTY}
            - {property: country, operator: IN, values: [DE, AT, CH]}
    request:
      method: POST
      url: https://receiver.example/hooks/%(number)d
      headers: {X-Number: "%(number)d"}
      body: {properties: [email, firstname, lastname, lifecyclestage]}
    delivery: {concurrency: 4, timeout: 30s}
"""


def main() -> None:
    """Measure and print."""
    text = (HEAD + "".join(WEBHOOK % {"number": n} for n in range(WEBHOOKS))).encode()
    parsed = document.parse(text, file="config.yaml", folder=Path())
    compare(
        f"a configuration of {WEBHOOKS} webhooks, {len(text) // 1024} KiB of YAML",
        {
            "webhookd": lambda: document.parse(text, file="config.yaml", folder=Path()),
            "ruamel.yaml, round trip": lambda: YAML(typ="rt").load(text),
            "PyYAML CSafeLoader, no places": lambda: yaml.load(text, yaml.CSafeLoader),
        },
    )
    raw = schema.schema()
    rust = jsonschema_rs.Draft202012Validator(raw)
    compare(
        "its shape",
        {
            "webhookd": lambda: schema.check(parsed),
            "jsonschema": lambda: list(Draft202012Validator(raw).iter_errors(parsed.data)),
            "jsonschema, references inlined": lambda: list(
                Draft202012Validator(schema.inlined(raw)).iter_errors(parsed.data)
            ),
            "jsonschema-rs": lambda: list(rust.iter_errors(parsed.data)),
        },
    )
    rows = json.dumps([a_row(number) for number in range(ROWS)], indent=1).encode()
    compare(
        f"{ROWS} rows, {len(rows) // 1024} KiB of JSON",
        {
            "webhookd": lambda: list(json_rows.rows(io.BytesIO(rows))),
            "ijson, yajl2_c": lambda: list(
                ijson.get_backend("yajl2_c").items(io.BytesIO(rows), "item")
            ),
            "ijson, Python": lambda: list(
                ijson.get_backend("python").items(io.BytesIO(rows), "item")
            ),
        },
    )


def a_row(number: int) -> dict[str, object]:
    """Return a row of a CRM's export."""
    return {
        "id": str(number),
        "email": f"p{number}@example.org",
        "amount": number * 1.1,
        "lifecyclestage": "customer",
        "tags": ["a", "b"],
        "properties": {"first": "A", "last": "B"},
    }


def compare(what: str, ways: dict[str, Callable[[], object]]) -> None:
    """Print what each of *ways* costs."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, way in ways.items():
            started = time.process_time()
            way()
            seconds[name].append(time.process_time() - started)
    print(what)
    for name, measured in seconds.items():
        print(f"  {name:32}{statistics.median(measured):8.3f} s")


if __name__ == "__main__":
    main()
