"""Which properties webhooks speak of."""

from __future__ import annotations

from dataclasses import replace

from tests.making import a_webhook, some_definitions
from webhookd.definitions import AllOf, AnyOf, ChosenProperty, Condition, NotOf, Operator, Trigger
from webhookd.rules import usage


def test_all_that_is_matched_watched_or_sent_is_used():
    when = AllOf(
        (
            Condition("a", Operator.HAS_PROPERTY),
            AnyOf((Condition("b", Operator.EQ, ("1",)), NotOf(Condition("c", Operator.CHANGED)))),
        )
    )
    trigger = Trigger(changed_properties=frozenset({"d"}), when=when)
    webhook = a_webhook(trigger=trigger)
    body = replace(webhook.request.body, properties=(ChosenProperty("e", "sent as"),))
    request = replace(webhook.request, body=body, query=(ChosenProperty("f", "f"),))

    used = usage.of_source(some_definitions(replace(webhook, request=request)), "export")

    assert used.names == {*"abcdef"}
    assert used.needed_by("a") == used.needed_by("f") == webhook.name
    assert used.needed_by("g") is None


def test_a_webhook_that_sends_all_properties_needs_each_of_them():
    watching = a_webhook("watching", trigger=Trigger(changed_properties=frozenset({"a"})))
    body = replace(watching.request.body, properties=())
    watching = replace(watching, request=replace(watching.request, body=body))

    used = usage.of_webhooks([watching, a_webhook("sending-all")])

    assert used.names == {"a"}
    assert (used.needed_by("a"), used.needed_by("b")) == ("watching", "sending-all")


def test_disabled_webhooks_and_those_of_other_sources_use_nothing():
    trigger = Trigger(changed_properties=frozenset({"a"}))
    definitions = some_definitions(
        a_webhook("disabled", enabled=False, trigger=trigger),
        a_webhook("other", source="other", trigger=trigger),
    )

    assert usage.of_source(definitions, "export") == usage.NOTHING
