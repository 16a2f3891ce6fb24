"""The schema: valid, complete, and the same as the models."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import EnumMeta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from webhookd import definitions
from webhookd.config import durations, models
from webhookd.config.schema import inlined, schema, schema_text

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

MODELS: dict[str, type[models.Keys]] = {
    "app": models.App,
    "secret": models.SecretReference,
    "egress": models.Egress,
    "drop_directory": models.DropDirectory,
    "hubspot": models.Hubspot,
    "hubspot_object": models.HubspotObject,
    "defaults": models.Defaults,
    "webhook": models.Webhook,
    "trigger": models.Trigger,
    "any": models.AnyGroup,
    "all": models.AllGroup,
    "not": models.NotGroup,
    "comparison": models.Comparison,
    "range": models.Range,
    "membership": models.Membership,
    "presence": models.Presence,
    "request": models.Request,
    "api_key": models.ApiKey,
    "bearer": models.Bearer,
    "basic": models.Basic,
    "signature": models.Signature,
    "body": models.Body,
    "query": models.Query,
    "chosen_property": models.ChosenProperty,
    "tls": models.Tls,
    "delivery": models.Delivery,
    "retry": models.Retry,
}
CHOOSERS = {"condition", "authentication", "source"}  # they only say which of the others it is
PAIRS = [
    pytest.param(schema(), models.Configuration, id="top"),
    *(pytest.param(schema()["$defs"][name], model, id=name) for name, model in MODELS.items()),
]


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    found = schema()["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else {}
    return {**found, **node}


def choices(annotation: Any) -> set[Any]:
    """Return what an annotation lets one choose from, nothing when it is no choice."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    if isinstance(annotation, EnumMeta):
        return {member.value for member in annotation}
    inner = get_args(annotation)
    inner = inner[:1] if get_origin(annotation) is Annotated else inner
    return set().union(*map(choices, inner)) if inner else set()


def test_it_is_a_schema_of_draft_2020_12():
    Draft202012Validator.check_schema(json.loads(schema_text()))
    assert schema()["$schema"].endswith("2020-12/schema")


def test_it_is_the_file_that_editors_use():
    file = Path(__file__).parents[3] / "schema" / "webhookd.schema.json"

    assert schema_text() == file.read_text(encoding="utf-8")


def test_every_object_of_the_schema_has_a_model_and_every_model_an_object():
    with_keys = {name for name, node in schema()["$defs"].items() if "properties" in node}
    shapes = {model for model in vars(models).values() if is_shape(model)}

    assert with_keys - CHOOSERS == MODELS.keys()
    assert shapes == {*MODELS.values(), models.Configuration}


def is_shape(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, models.Keys) and value is not models.Keys


@pytest.mark.parametrize(("node", "model"), PAIRS)
def test_schema_and_models_have_the_same_keys(node, model):
    assert node["properties"].keys() == fields_of(model).keys()
    assert node["additionalProperties"] is False


@pytest.mark.parametrize(("node", "model"), PAIRS)
def test_schema_and_models_require_the_same_keys(node, model):
    required = {key for key, field in fields_of(model).items() if field.is_required()}

    assert set(node.get("required", ())) == required


@pytest.mark.parametrize(("node", "model"), PAIRS)
def test_schema_and_models_have_the_same_choices(node, model):
    for key, field in fields_of(model).items():
        child = resolved(node["properties"][key])
        listed = child.get("enum") or child.get("items", {}).get("enum")
        if key == "properties":
            listed = child.get("then", {}).get("enum")
        if not child.get("$ref") and "additionalProperties" not in child and key != "when":
            assert choices(field.annotation) == set(listed or ()), key


@pytest.mark.parametrize(("node", "model"), PAIRS)
def test_schema_and_models_have_the_same_defaults(node, model):
    for key, field in fields_of(model).items():
        if not field.is_required():
            default = field.get_default(call_default_factory=True)
            assert same_default(resolved(node["properties"][key]).get("default"), default), key


def same_default(written: Any, default: Any) -> bool:
    match default:
        case timedelta():
            return durations.duration(written) == default
        case BaseModel():
            return written == {} and default == type(default)()
        case tuple():
            return list(map(str, written)) == list(map(str, default))
        case _:
            return bool(written == default)


@pytest.mark.parametrize(("node", "model"), PAIRS)
def test_every_key_has_a_description_and_an_example_that_is_valid(node, model):
    for key, child in node["properties"].items():
        assert resolved(child).get("description"), key
        (example, *_) = resolved(child)["examples"]
        alone = inlined({"$defs": schema()["$defs"], "properties": {key: child}})
        Draft202012Validator(alone).validate({key: example})


def test_the_defaults_of_the_models_are_those_of_the_plan():
    delivery, retry = models.Delivery(), models.Retry()

    assert definitions.RetryPolicy(**dict(retry)) == definitions.RetryPolicy()
    assert delivery.timeout == definitions.DeliveryPolicy().timeout
    assert delivery.connect_timeout == definitions.DeliveryPolicy().connect_timeout
    assert delivery.concurrency == definitions.DeliveryPolicy().concurrency


def test_the_operators_are_those_of_the_plan():
    assert set(schema()["$defs"]["condition"]["properties"]["operator"]["enum"]) == {
        *definitions.Operator
    }
    kinds = (models.Comparison, models.Range, models.Membership, models.Presence)
    listed = [choices(kind.model_fields["operator"].annotation) for kind in kinds]
    assert sorted(set().union(*listed)) == sorted(definitions.Operator)


def test_nothing_but_descriptions_stands_beside_a_reference():
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node.keys() <= {"$ref", "description", "default", "examples"}
            for child in node.values():
                walk(child)
        if isinstance(node, list):
            for child in node:
                walk(child)

    walk(schema())


def test_a_schema_that_names_itself_becomes_a_loop():
    when = inlined(schema())["properties"]["webhooks"]["additionalProperties"]
    when = when["properties"]["trigger"]["properties"]["when"]["items"]

    assert when["else"]["then"]["properties"]["any"]["items"] is when
