"""The schema: valid, complete, and the same as what reads it.

What reads a key is a field of a definition itself, or of a form of the file where the two differ.
"""

from __future__ import annotations

import ast
import inspect
import json
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import timedelta
from enum import EnumMeta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from webhookd import definitions
from webhookd.config import models
from webhookd.config.schema import inlined, schema, schema_text
from webhookd.definitions import durations

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SHAPES: dict[str, type[models.Keys | DataclassInstance]] = {
    "app": models.App,
    "secret": models.SecretReference,
    "egress": models.Egress,
    "drop_directory": models.DropDirectory,
    "csv": definitions.CsvSettings,
    "json": definitions.JsonSettings,
    "hubspot": models.Hubspot,
    "hubspot_object": models.HubspotObject,
    "hubspot_list": models.HubspotList,
    "hubspot_deletions": definitions.HubspotDeletions,
    "hubspot_associated": models.HubspotAssociated,
    "association_type": models.AssociationType,
    "hubspot_owner": models.HubspotOwner,
    "own_events": models.OwnEvents,
    "rest": models.Rest,
    "rest_object": models.RestObject,
    "rest_paging": definitions.RestPaging,
    "rest_detect": models.RestDetect,
    "rest_part": definitions.RestPart,
    "rest_deletions": definitions.RestDeletions,
    "rest_one": definitions.RestOne,
    "rest_describe": definitions.RestDescribe,
    "rest_error": models.RestError,
    "no_authentication": models.NoAuthentication,
    "wake": models.Wake,
    "webhook": models.Webhook,
    "trigger": models.Trigger,
    "at": models.At,
    "wait": models.Wait,
    "any": models.AnyGroup,
    "all": models.AllGroup,
    "not": models.NotGroup,
    "comparison": models.Comparison,
    "property_comparison": models.PropertyComparison,
    "relative_date": models.RelativeDate,
    "range": models.Range,
    "membership": models.Membership,
    "presence": models.Presence,
    "request": models.Request,
    "api_key": models.ApiKey,
    "bearer": models.Bearer,
    "basic": models.Basic,
    "oauth2": models.OAuth2,
    "signature": models.Signature,
    "hmac": definitions.Hmac,
    "body": models.Body,
    "query": models.Query,
    "chosen_property": models.ChosenProperty,
    "tls": models.Tls,
    "delivery": definitions.DeliveryPolicy,
    "retry": definitions.RetryPolicy,
}
DEFINITIONS: dict[str, type[DataclassInstance]] = {
    "webhook": definitions.Webhook,
    "trigger": definitions.Trigger,
    "request": definitions.Request,
    "api_key": definitions.ApiKey,
    "bearer": definitions.Bearer,
    "basic": definitions.Basic,
    "oauth2": definitions.OAuth2,
    "signature": definitions.Signature,
    "hmac": definitions.Hmac,
    "body": definitions.Body,
    "tls": definitions.Tls,
    "delivery": definitions.DeliveryPolicy,
    "retry": definitions.RetryPolicy,
    "egress": definitions.Egress,
    "csv": definitions.CsvSettings,
    "json": definitions.JsonSettings,
}
FILE_ONLY = {
    "trigger.while": "a word of Python, for which the definition says `still`",
    "request.allow_http": "checked, and then without a meaning",
    "request.proxy_authentication": "a part of the proxy",
    "body.content_type": "a part of the template",
    "api_key.type": "the class says it",
    "bearer.type": "the class says it",
    "basic.type": "the class says it",
    "oauth2.type": "the class says it",
}
FILE_FORMS = {
    "trigger.still": "conditions keep their values as written",
    "trigger.at": "holds a time of day, a zone and lengths of time as text",
    "trigger.wait": "a length of time, or its parts",
    "trigger.changes": "what is due has a timer instead",
    "trigger.changed_properties": "a set, and null where it is absent",
    "trigger.when": "conditions keep their values as written",
    "request.authentication": "holds references to secrets",
    "request.signature": "names an app, whose secrets are elsewhere",
    "request.headers": "pairs",
    "request.body": "holds properties that are renamed with `as`",
    "request.query": "holds properties that are renamed with `as`",
    "request.tls": "names of files, with digests of what they hold",
    "request.proxy": "a URL, with its authentication beside it",
    "body.template": "a tree of YAML, as written",
    "oauth2.parameters": "pairs",
    "oauth2.refresh_token": "a reference to a secret",
    "webhook.trigger": "conditions keep their values as written",
    "tls.ca_file": "a path, from the folder of the file",
    "tls.client_cert_file": "a path, from the folder of the file",
    "tls.client_key_file": "a path, from the folder of the file",
    "egress.allow": "networks keep their text as written in the effective document",
    "egress.deny": "networks keep their text as written in the effective document",
}
CHOOSERS = {
    "condition",
    "authentication",
    "source",
    "source_authentication",
}  # they only say which of the others it is
MERGED = {
    "defaults",
    "object_defaults",
    "rest_extension",
}  # into what they are of, before anything reads it
PAIRS = [
    pytest.param(schema(), models.Configuration, id="top"),
    *(pytest.param(schema()["$defs"][name], shape, id=name) for name, shape in SHAPES.items()),
]


@dataclass(frozen=True)
class Key:
    """A key as a shape reads it."""

    annotation: Any
    default: Any
    is_required: bool


def keys_of(shape: Any) -> dict[str, Key]:
    if not issubclass(shape, BaseModel):
        types = get_type_hints(shape)
        return {
            one.name: Key(
                types[one.name],
                one.default if one.default_factory is MISSING else one.default_factory(),
                is_required=one.default is one.default_factory is MISSING,
            )
            for one in fields(shape)
        }
    return {
        one.alias or name: Key(
            one.annotation,
            one.get_default(call_default_factory=True),
            is_required=one.is_required(),
        )
        for name, one in shape.model_fields.items()
    }


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


def test_every_object_of_the_schema_is_read_and_nothing_else_is():
    with_keys = {name for name, node in schema()["$defs"].items() if "properties" in node}

    assert with_keys - CHOOSERS - MERGED == SHAPES.keys()
    assert shapes_in(models.Configuration) == {*SHAPES.values(), models.Configuration}


def shapes_in(annotation: Any) -> set[Any]:
    """Return the classes of keys in *annotation*, at any depth."""
    found: set[Any] = set()

    def walk(one: Any) -> None:
        if is_shape(one) and one not in found:
            found.add(one)
            for key in keys_of(one).values():
                walk(key.annotation)
        for inner in get_args(one):
            walk(inner)

    walk(annotation)
    return found


def is_shape(value: object) -> bool:
    is_definition = is_dataclass(value) and value is not definitions.RateLimit  # which is a text
    return isinstance(value, type) and (issubclass(value, models.Keys) or is_definition)


@pytest.mark.parametrize(("node", "shape"), PAIRS)
def test_what_reads_the_file_takes_the_keys_of_the_schema(node, shape):
    merged = MERGED & node["properties"].keys()

    assert node["properties"].keys() - merged == keys_of(shape).keys()
    assert node["additionalProperties"] is False


def test_what_extends_a_preset_has_the_keys_of_what_comes_out():
    found = schema()["$defs"]

    assert list(found["rest_extension"]["properties"]) == list(found["rest"]["properties"])


@pytest.mark.parametrize(("node", "shape"), PAIRS)
def test_what_reads_the_file_requires_the_keys_that_the_schema_does(node, shape):
    required = {name for name, key in keys_of(shape).items() if key.is_required}

    assert set(node.get("required", ())) == required


@pytest.mark.parametrize(("node", "shape"), PAIRS)
def test_what_reads_the_file_has_the_choices_of_the_schema(node, shape):
    for name, key in keys_of(shape).items():
        child = resolved(node["properties"][name])
        listed = child.get("enum") or child.get("items", {}).get("enum")
        if name == "properties":
            listed = child.get("then", {}).get("enum")
        if not child.get("$ref") and "additionalProperties" not in child and name != "when":
            assert choices(key.annotation) == set(listed or ()), name


@pytest.mark.parametrize(("node", "shape"), PAIRS)
def test_what_reads_the_file_has_the_defaults_of_the_schema(node, shape):
    for name, key in keys_of(shape).items():
        if not key.is_required:
            default = resolved(node["properties"][name]).get("default")
            assert same_default(default, key.default), name


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_key_is_a_field_of_its_definition_unless_only_the_file_needs_it(name):
    held = {one.name for one in fields(DEFINITIONS[name])}
    listed = {key.partition(".")[2] for key in FILE_ONLY if key.startswith(f"{name}.")}

    assert schema()["$defs"][name]["properties"].keys() - held == listed


@pytest.mark.parametrize("steps", [(), ("trigger",), ("delivery",), ("delivery", "retry")])
def test_an_unknown_key_is_not_read_over(steps):
    webhook: dict[str, Any] = {"source": "a", "object": "b", "request": {"url": "c"}}
    assert models.Webhook.model_validate(webhook)

    inner = webhook
    for step in steps:
        inner = inner.setdefault(step, {})
    inner["unheard_of"] = 1

    with pytest.raises(ValidationError, match="unheard_of"):
        models.Webhook.model_validate(webhook)


def test_no_default_stands_in_a_form_that_stands_in_its_definition():
    twice = {
        f"{name}.{key}"
        for name, definition in DEFINITIONS.items()
        if SHAPES[name] is not definition
        for key in declared_defaults(SHAPES[name]) & keys_of(definition).keys()
        if not keys_of(definition)[key].is_required
    }

    assert twice == FILE_FORMS.keys()


def declared_defaults(form: type) -> set[str]:
    """Return the fields to which the source text of *form* gives a default."""
    (found,) = ast.parse(inspect.getsource(form)).body
    assert isinstance(found, ast.ClassDef)
    return {
        line.target.id
        for line in found.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value
    }


def same_default(written: Any, default: Any) -> bool:
    match default:
        case timedelta():
            return durations.duration(written) == default
        case _ if is_shape(type(default)):
            return written == {} and default == type(default)()
        case tuple():
            return list(map(str, written)) == list(map(str, default))
        case _:
            return bool(written == default)


@pytest.mark.parametrize(("node", "_shape"), PAIRS)
def test_every_key_has_a_description_and_an_example_that_is_valid(node, _shape):
    for key, child in node["properties"].items():
        assert resolved(child).get("description"), key
        (example, *_) = resolved(child)["examples"]
        alone = inlined({"$defs": schema()["$defs"], "properties": {key: child}})
        Draft202012Validator(alone).validate({key: example})


def test_the_operators_are_those_of_the_definitions():
    assert set(schema()["$defs"]["condition"]["properties"]["operator"]["enum"]) == {
        *definitions.Operator
    }
    kinds = (
        models.Comparison,
        models.Range,
        models.Membership,
        models.RelativeDate,
        models.Presence,
    )
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
