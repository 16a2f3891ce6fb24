"""Triggers: what does not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.definitions.triggers import OF_OPTIONS, OF_TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

_OF_THE_CHANGE = frozenset({"CHANGED", "CHANGED_FROM", "CHANGED_TO"})


def check(webhook: Node) -> Iterator[Problem]:
    """Yield what in the trigger of *webhook* can never hold."""
    trigger = webhook.at("trigger")
    yield from _conditions(trigger)
    yield from _conditions(trigger, "while")
    enroll = trigger.text("enroll")
    if enroll == "every_match":
        yield from _every_match(trigger)
    if trigger.mapping().get("changes") == ["deleted"]:
        yield from _only_deleted(trigger, enroll)


def check_of_records(trigger: Node) -> Iterator[Problem]:
    """Yield what in a `when` cannot be asked of records, which are and do not change."""
    yield from _conditions(trigger)
    yield from refuse_of_the_change(
        trigger, "looks at a change; known records are looked at as they are"
    )


def _conditions(trigger: Node, key: str = "when") -> Iterator[Problem]:
    """Yield what does not go together in one condition."""
    for condition in _conditions_at(trigger, key):
        operator = condition.text("operator")
        if operator in OF_TEXTS and condition.text("value") == "":
            yield condition.problem("every text holds the empty one; name a text", "value")
        for option in condition.items("values") if operator in OF_OPTIONS else ():
            if isinstance(option.value, str) and ";" in option.value:
                message = "';' parts options, so that none holds one; list them one by one"
                yield option.problem(message)


def _every_match(trigger: Node) -> Iterator[Problem]:
    if not trigger.is_there("when"):
        message = "every_match needs 'when': it says what matching is"
        yield trigger.problem(message, "enroll")
    yield from refuse_of_the_change(
        trigger, "looks at the change; every_match compares the record's states"
    )


def _only_deleted(trigger: Node, enroll: str | None) -> Iterator[Problem]:
    if trigger.is_there("changed_properties"):
        message = "changed_properties does not apply to deleted records"
        yield trigger.problem(message, "changed_properties", at_key=True)
    if enroll in {"every_match", "once"}:
        yield trigger.problem(f"{enroll} does not apply to deleted records", "enroll")
    yield from refuse_of_the_change(trigger, "never holds for deleted records")


def refuse_of_the_change(trigger: Node, why: str, key: str = "when") -> Iterator[Problem]:
    """Yield a problem for each condition at *key* that is about a change, and not about a state.

    *why* says what is wrong with it, behind its operator.
    """
    for condition in _conditions_at(trigger, key):
        operator = condition.text("operator")
        if operator in _OF_THE_CHANGE:
            yield condition.problem(f"{operator} {why}", "operator")


def _conditions_at(trigger: Node, key: str) -> Iterator[Node]:
    for item in trigger.items(key):
        yield from conditions(item)


def conditions(node: Node) -> Iterator[Node]:
    """Yield the conditions in *node* of a `when`, however deep."""
    for group in ("any", "all"):
        for item in node.items(group):
            yield from conditions(item)
    if node.is_there("not"):
        yield from conditions(node.at("not"))
    if node.is_there("operator"):
        yield node
