"""From the file to the plan: what is said, and what goes without saying."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest

from webhookd import definitions
from webhookd.model import ChangeKind, Secret


def test_a_webhook_that_says_nothing_has_the_documented_defaults(tmp_path, minimal, loaded):
    found = loaded(minimal).definitions

    assert found.webhooks["hook"] == definitions.Webhook(
        name="hook",
        source="crm",
        object="contacts",
        request=definitions.Request(
            method="POST",
            url="https://example.com/hook",
            body=definitions.Body(None, {}, definitions.BodyFormat.RECORD, previous=False),
        ),
        trigger=definitions.Trigger(changes=(ChangeKind.CREATED, ChangeKind.UPDATED)),
        delivery=definitions.DeliveryPolicy(),
    )
    assert found.sources["crm"] == definitions.DirectorySource("crm", tmp_path / "drop", "contacts")
    assert (found.egress, found.secrets) == (definitions.Egress(), ())


def test_a_host_is_no_part_of_what_a_directory_is(minimal, loaded):
    one, other = (
        loaded(minimal.replace("path: drop", f"path: drop, host: {host}")).definitions.sources[
            "crm"
        ]
        for host in ("Files-1", "b")
    )

    assert (one.host, other.host) == ("Files-1", "b")
    assert one.identity == other.identity
    assert one != other


def test_one_path_is_one_directory_however_it_is_written(tmp_path, minimal, messages, loaded):
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    other = "\n  other: {type: drop_directory, path: PATH, object: contacts}\nwebhooks:"
    linked = minimal.replace("path: drop", "path: linked/drop")

    for path in ("linked/drop", "elsewhere/drop", "linked/drop, host: a"):
        text = linked.replace("\nwebhooks:", other.replace("PATH", path))
        assert messages(text) == ["the source 'crm' has this path too"]
    # Nobody knows what `linked` is there.
    assert loaded(linked.replace("\nwebhooks:", other.replace("PATH", "elsewhere/drop, host: a")))


def test_the_signature_is_hubspot_v2_unless_said_otherwise(minimal, loaded):
    app = 'apps: {"1": {client_secret: {env: S}}}\n'
    text = minimal.replace("hook}", "hook", 1).replace('hook"}', 'hook", signature: {app_id: "1"}}')

    found = loaded(text + app, S="secret").definitions

    signature = found.webhooks["hook"].request.signature
    assert signature == definitions.Signature("1", definitions.Scheme.HUBSPOT_V2, Secret("secret"))
    assert found.secrets == (Secret("secret"),)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{}", definitions.BodyFormat.RECORD),
        ("{properties: all}", definitions.BodyFormat.RECORD),
        ("{properties: [a]}", definitions.BodyFormat.FLAT),
        ("{properties: all, format: flat}", definitions.BodyFormat.FLAT),
        ("{properties: [a], format: cloudevents}", definitions.BodyFormat.CLOUDEVENTS),
    ],
)
def test_chosen_properties_are_flat_and_all_are_a_record(body, expected, minimal, loaded, hook):
    request = hook("").request
    text = minimal.replace('hook"}', f'hook", body: {body}}}')

    request = loaded(text).definitions.webhooks["hook"].request

    assert request.body is not None
    assert request.body.format is expected


@pytest.mark.parametrize(
    ("method", "has_body"),
    [("POST", True), ("PUT", True), ("PATCH", True), ("GET", False), ("DELETE", False)],
)
def test_only_methods_that_carry_a_body_get_one_unasked(method, has_body, minimal, loaded):
    text = minimal.replace('hook"}', f'hook", method: {method}}}')

    assert bool(loaded(text).definitions.webhooks["hook"].request.body) is has_body


def test_chosen_properties_keep_their_order_and_their_new_names(minimal, loaded):
    body = "body: {properties: [b, {property: a, as: z}, {property: c}]}"
    text = minimal.replace('hook"}', f'hook", {body}}}')

    request = loaded(text).definitions.webhooks["hook"].request

    assert request.body is not None
    assert request.body.properties == (
        definitions.ChosenProperty("b", "b"),
        definitions.ChosenProperty("a", "z"),
        definitions.ChosenProperty("c", "c"),
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_a_query_stands_beside_a_body_with_properties_and_fixed_texts(method, minimal, loaded):
    body = "" if method == "GET" else "body: {properties: [a]}, "
    query = 'query: {properties: [b, {property: a, as: z}], static: {d: "1", c: ""}}'
    text = minimal.replace('hook"}', f'hook", method: {method}, {body}{query}}}')

    request = loaded(text).definitions.webhooks["hook"].request

    assert [one.sent_as for one in request.query] == ["b", "z"]
    assert request.query_static == (("d", "1"), ("c", ""))
    assert bool(request.body) is (method != "GET")


def test_fixed_values_are_json_as_written(minimal, loaded):
    static = (
        "static: {a: 1.10, b: [1, null, true], c: ü, d: 12345678901234567890123, e: 2026-03-01}"
    )
    text = minimal.replace('hook"}', f'hook", body: {{{static}}}}}')

    body = loaded(text).definitions.webhooks["hook"].request.body

    assert body is not None
    assert body.static == {
        "a": "1.10",
        "b": "[1,null,true]",
        "c": '"ü"',
        "d": "12345678901234567890123",
        "e": '"2026-03-01"',
    }


def test_conditions_nest_and_their_values_are_text(tmp_path, hook):
    found = hook(
        """\
    trigger:
      changed_properties: [amount]
      enroll: once
      when:
        - {property: a, operator: EQ, value: 1.10}
        - any:
            - {property: b, operator: BETWEEN, value: 1, high_value: ten}
            - not: {property: c, operator: HAS_PROPERTY}
        - all: [{property: d, operator: IN, values: [true, "1", x]}]
""",
    ).trigger

    reading = definitions.CsvSettings().value_reading

    def condition(name, operator, values=()):
        return definitions.Condition(name, definitions.Operator[operator], values, reading)

    assert found.changed_properties == {"amount"}
    assert found.enroll is definitions.Enroll.ONCE
    assert found.when == definitions.AllOf(
        (
            condition("a", "EQ", ("1.10",)),
            definitions.AnyOf(
                (
                    condition("b", "BETWEEN", ("1", "ten")),
                    definitions.NotOf(condition("c", "HAS_PROPERTY")),
                )
            ),
            definitions.AllOf((condition("d", "IN", (True, "1", "x")),)),
        )
    )


def test_default_delivery_is_merged_key_by_key(tmp_path, hook):
    found = hook(
        """\
    delivery: {concurrency: 3, rate_limit: 20/m, retry: {factor: 3, retry_on: [429, 5xx]}}
defaults:
  delivery: {timeout: 5s, concurrency: 7, retry: {first_after: 2m, factor: 4}}
""",
    ).delivery

    assert (found.timeout, found.concurrency) == (timedelta(seconds=5), 3)
    assert found.rate_limit == definitions.RateLimit(20, timedelta(minutes=1))
    assert (found.retry.first_after, found.retry.factor) == (timedelta(minutes=2), 3)
    assert found.retry.retry_on == ("429", "5xx")


def test_networks_of_egress_are_parsed_and_a_single_address_is_one(loaded):
    found = loaded("version: 1\negress: {allow: [10.0.0.0/8, '::1'], deny: [10.1.1.1]}\n")

    assert found.definitions.egress == definitions.Egress(
        allow=(ip_network("10.0.0.0/8"), ip_network("::1")), deny=(ip_network("10.1.1.1"),)
    )
