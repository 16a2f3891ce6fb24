"""Why conditions hold or not."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.making import NOW
from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.model import Change, ChangeKind
from webhookd.rules import findings
from webhookd.rules.findings import Finding, describe

WHEN = AllOf(
    (
        Condition("stage", Operator.CHANGED_TO, ("customer",)),
        AnyOf(
            (
                Condition("amount", Operator.BETWEEN, ("1", "5")),
                Condition("country", Operator.IN, ("de", "at")),
            )
        ),
        NotOf(Condition("email", Operator.HAS_PROPERTY)),
    )
)


def explain(when, change):
    return findings.explain(when, change, NOW)


def explain_match(when, properties):
    return findings.explain_match(when, properties, NOW)


def change(now, before):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Change(ChangeKind.UPDATED, "crm", "deals", "1", now, before, at)


def test_each_part_says_what_it_met_and_whether_it_holds():
    seen = change({"stage": '"customer"', "amount": "7", "country": '"at"'}, {"stage": '"lead"'})

    assert explain(WHEN, seen) == (
        Finding(0, "all of", None, holds=True),
        Finding(1, "stage CHANGED_TO customer", '"lead" before, now "customer"', holds=True),
        Finding(1, "any of", None, holds=True),
        Finding(2, "amount BETWEEN 1 and 5", "7", holds=False),
        Finding(2, "country IN de, at", '"at"', holds=True),
        Finding(1, "not", None, holds=True),
        Finding(2, "email HAS_PROPERTY", "no value", holds=False),
    )


def test_a_record_that_had_no_state_before_says_so():
    found = explain(Condition("stage", Operator.CHANGED), change({"stage": "1"}, None))

    assert found == (Finding(0, "stage CHANGED", "nothing before, now 1", holds=True),)


def test_a_single_state_can_be_explained_and_long_values_are_cut():
    found = explain_match(Condition("note", Operator.EQ, ("x",)), {"note": f'"{"y" * 5000}"'})

    assert found[0].met == '"' + "y" * 199 + "…"


def test_what_could_not_be_compared_is_said():
    (found,) = explain_match(Condition("amount", Operator.GT, ("1000",)), {"amount": '"900,00"'})

    assert (found.holds, found.met) == (False, "\"900,00\": '900,00' is not a number")


def test_true_and_false_are_shown_as_they_are_written():
    assert describe(Condition("vip", Operator.IN, (True, "maybe"))) == "vip IN true, maybe"
