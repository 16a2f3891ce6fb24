"""A kind of source is known to its own modules and to two tables, and to nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import webhookd
from webhookd.config import source_kinds
from webhookd.config.schema import schema
from webhookd.sources import kinds
from webhookd.sources.hubspot import cursor
from webhookd.sources.source import ReadTo

PACKAGE = Path(webhookd.__file__).parent
KIND = (
    "the kind itself",
    "sources/hubspot",
    "config/checks/hubspot.py",
    "definitions/hubspot",
    "config/checks/carried.py",
)
TABLES = ("the two tables", "sources/kinds.py", "config/source_kinds.py")
FILE = (
    "the form of the file and its reference",
    *("config/models", "config/source_compiler.py", "config/reference.py"),
)
NAMES = ("names what `definitions/hubspot` defines", "definitions/__init__.py")
SIGNATURES = (
    "HubSpot's signatures, which have nothing to do with where records are read",
    *("config/checks/headers.py", "config/checks/signatures.py", "definitions/requests.py"),
    *("rules/url_encoding.py", "rules/signing.py", "rules/signers.py", "rules/verification.py"),
    "rules/resigning.py",
    "cli/receiver.py",
)
BODIES = (
    "HubSpot's older shape of a body, which any record can have",
    *("rules/hubspot_legacy.py", "rules/render.py"),
    *("config/checks/payloads.py", "config/warnings.py"),
)
WORDS = ("HubSpot's words for operators", "definitions/triggers.py")
TIMES = ("HubSpot's two ways to write a time", "rules/instants.py")
SHAPE = ("files may hold records in HubSpot's shape", "sources/formats/rows.py")
PRODUCT = ("the product's own description, and its demo", "cli/app.py")
DEMO = ("the demo plays HubSpot", "cli/demo_crm.py", "cli/demo_texts.py")
BEGINNINGS = ("what `init` begins with", "cli/init.py", "cli/init_texts.py")
MAY = (
    BEGINNINGS,
    KIND,
    TABLES,
    FILE,
    NAMES,
    SIGNATURES,
    BODIES,
    WORDS,
    TIMES,
    SHAPE,
    PRODUCT,
    DEMO,
)


def test_nothing_else_names_hubspot():
    allowed = tuple(PACKAGE / path for _, *paths in MAY for path in paths)

    others = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if not any(path.is_relative_to(one) for one in allowed)
        and "hubspot" in path.read_text().lower()
    ]
    assert others == []


def test_the_list_of_those_that_may_is_no_longer_than_it_must_be():
    for _, *paths in MAY:
        for path in paths:
            one = PACKAGE / path
            texts = (
                [one.read_text()] if one.is_file() else [f.read_text() for f in one.glob("*.py")]
            )
            assert any("hubspot" in text.lower() for text in texts), path


def test_each_kind_that_the_schema_has_is_in_both_tables():
    types = schema()["$defs"]["source"]["properties"]["type"]["enum"]

    assert sorted(source_kinds.KINDS) == sorted(types)
    assert len(kinds.KINDS) == len(types)


def test_a_cursor_that_no_kind_can_read_says_nothing():
    text = cursor.beginning(0, listing="").text()

    assert kinds.describe_cursor(text).is_first_read
    assert kinds.describe_cursor(json.dumps("5f4dcc3b")) == ReadTo()
