"""`docs/status.md` and the answer that it describes: each key of one is in the other."""

import json
import re
from pathlib import Path

from tests.daemon import until
from tests.receiver import Answer, Receiver

PAGE = Path(__file__).parents[2] / "docs" / "status.md"
ROW = re.compile(r"^\| `([a-z_.\[\]]+)` \| [^|]+ \| \S.*\|$", re.MULTILINE)
FREE = ("document", "defaults", "hidden_digests")
"""Objects whose keys are names of the configuration."""

OF_PARTS = (
    "last_reload.",
    "by_hand.",
    "fleet[].",
    "backfills[].",
    "sources[].objects[].",
    "sources[].cursors[].",
)
"""What a lone daemon that polls nothing does not tell."""


def keys(value, place=""):
    """Yield the place of every key in an answer."""
    for name, one in value.items():
        yield place + name
        if isinstance(one, dict) and place + name not in FREE:
            yield from keys(one, f"{place}{name}.")
        if isinstance(one, list):
            for entry in one:
                if isinstance(entry, dict):
                    yield from keys(entry, f"{place}{name}[].")


def test_every_key_of_a_real_answer_is_in_the_page_and_the_other_way_round(daemon, ask):
    request = {"allow_http": True}
    with Receiver(lambda _: Answer(500)) as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": request | {"url": receiver.url},
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        found = {*keys(json.loads(ask("status", "--json").stdout))}
        daemon.stop()

    told = {*ROW.findall(PAGE.read_text())}
    absent = {"sources[].base_url", "sources[].wakes", "sources[].last_woken_at"}
    assert found - told == set()
    assert {key for key in told - found if not key.startswith(OF_PARTS)} <= absent
