"""What another process's webhooks listen for, out of the document it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from webhookd.config import loading
from webhookd.config.socket_address import OtherVersionError, listeners_of
from webhookd.definitions import Condition, CsvSettings, ValueReading
from webhookd.rules.replay import listeners

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"
WHEN = """\
    trigger:
      enroll: every_match
      when:
        - {property: amount, operator: CONTAINS_TOKEN, value: 1.10}
        - not: {any: [{property: a, operator: IN, values: [1, b]}, {all: [
            {property: c, operator: BETWEEN, value: 1, high_value: 2}]}]}
"""


def told(loaded):
    """Return a document as it comes out of `status --json`."""
    return json.loads(json.dumps(loaded.document))


def test_the_example_is_understood_by_another_process(loaded, minimal):
    example = loading.load(EXAMPLE, environment={}, offline=True)

    assert listeners_of(told(example), loaded(minimal)) == listeners(example.definitions)


def test_groups_are_understood_and_disabled_webhooks_left_out(loaded, minimal):
    other = loaded(minimal.replace("hook:", "other:") + WHEN.replace("1.10", "1.5"))
    disabled = loaded(minimal + "    enabled: false\n")

    assert listeners_of(told(other), disabled) == listeners(other.definitions)
    assert listeners_of(told(disabled), other) == {}


def test_what_is_the_same_keeps_how_its_numbers_are_written(loaded, minimal):
    same = loaded(minimal + WHEN)

    (found,) = listeners_of(told(same), same).values()

    assert found.trigger.when.parts[0] == Condition(
        "amount", "CONTAINS_TOKEN", ("1.10",), CsvSettings().value_reading
    )


def test_conditions_compare_as_the_document_says_that_the_files_write(loaded, minimal):
    comma = minimal.replace("object: contacts}", "object: contacts, csv: {decimal: comma}}", 1)
    when = "    trigger: {when: [{property: amount, operator: GT, value: 1000}]}\n"

    (before,) = listeners_of(told(loaded(comma + when)), loaded(minimal + when)).values()
    (same,) = listeners_of(told(loaded(minimal + when)), loaded(minimal + when)).values()

    assert before.trigger.when.parts[0].reading == ValueReading("comma")
    assert same.trigger.when.parts[0].reading == ValueReading("clear")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document["webhooks"]["hook"]["trigger"].update(future=True),
        lambda document: document["webhooks"]["hook"].pop("trigger"),
        lambda document: document.update(webhooks=[1]),
        lambda document: document.update(webhooks={"hook": None}),
        lambda document: document.clear(),
    ],
)
def test_a_document_of_another_version_is_refused(loaded, minimal, spoil):
    other = loaded(minimal)
    document = told(other)
    spoil(document)

    with pytest.raises(OtherVersionError, match="version"):
        listeners_of(document, loaded(minimal.replace("hook:", "new:")))
