"""Large, deep and senseless configurations: never a hang, never another error."""

from __future__ import annotations

import copy
import gc
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests import processor
from webhookd.config import loading
from webhookd.config.schema import schema
from webhookd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def test_a_condition_may_be_nested_as_deep_as_a_file_may(hook):
    condition = "{not: " * 57 + "{property: a, operator: CHANGED}" + "}" * 57

    assert hook(f"    trigger:\n      when: [{condition}]\n").trigger.when is not None


def test_a_long_list_of_mixed_items_does_not_compare_each_with_each(minimal, messages):
    items = ",".join(f"{n},a{n}" for n in range(20_000))

    with processor.at_most(10):
        found = messages(minimal + f"    delivery: {{retry: {{retry_on: [{items}]}}}}\n")

    assert len(found) > 10_000


def test_more_than_ten_thousand_problems_are_too_many_to_list(messages):
    names = "\n".join(f"unknown-{n}: 1" for n in range(10_100))

    found = messages(f"version: 1\n{names}\n")

    assert len(found) == 10_001
    assert found[0] == "this file has more than 10000 problems"


def test_a_thousand_webhooks_are_loaded_in_twice_the_time_that_plain_yaml_takes(minimal, loaded):
    """Two seconds where PyYAML's own loader takes one: a figure that holds on any machine."""
    one = Path(__file__).parents[3].joinpath("config.example.yaml").read_text()
    one = one.partition("price-changed:")[2]
    source, _ = minimal.split("webhooks:")
    hooks = "".join(f"  w{n}:{one.replace('deals', 'contacts', 2)}\n" for n in range(1000))
    text = source.replace("crm:", "contacts-export:") + "webhooks:\n" + hooks

    started = time.process_time()
    yaml.safe_load(text)
    plain = time.process_time() - started
    started = time.process_time()
    found = loaded(text, BI_PASSWORD="secret").definitions
    taken = time.process_time() - started

    assert len(found.webhooks) == 1000
    assert taken < 2 * plain


def test_the_garbage_collector_is_on_again_after_an_error_too(messages):
    messages("version: 2")

    assert gc.isenabled()


DEFINITIONS = schema()["$defs"]
ONE_OF = {
    "when": ("comparison", "range", "membership", "presence", "any", "all", "not"),
    "authentication": ("api_key", "bearer", "basic"),
    "source": ("drop_directory", "hubspot", "own_events"),
}
WORDS = ("crm", "contacts", "1", "a", "env", "X-Key", "10.0.0.0/8", "https://a.example/?b=1", "all")
TEXT = st.sampled_from(WORDS) | st.text(max_size=5)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def values(node: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return values that *node*, a part of the schema, nearly always takes."""
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name in ONE_OF:
        return st.one_of([values({"$ref": f"#/$defs/{option}"}, depth) for option in ONE_OF[name]])
    if name:
        return values({"examples": node.get("examples", []), **DEFINITIONS[name]}, depth)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "if" in node:
        return st.just("all") | values(node["else"], depth)
    usual = st.sampled_from(node["examples"]) if node.get("examples") else st.nothing()
    return usual | shaped(node, depth)


def shaped(node: Any, depth: int) -> st.SearchStrategy[Any]:
    match node.get("type"):
        case _ if depth > DEEPEST:
            found = st.just({})
        case "object" if "properties" in node:
            parts = {key: values(child, depth + 1) for key, child in node["properties"].items()}
            required = {key: parts.pop(key) for key in node.get("required", ())}
            found = st.fixed_dictionaries(required, optional=parts)
        case "object":
            child = node.get("additionalProperties", {})
            found = st.dictionaries(st.sampled_from(WORDS), values(child, depth + 1), max_size=2)
        case "array":
            found = st.lists(values(node["items"], depth + 1), min_size=1, max_size=2)
        case "integer" | "number" | "boolean":
            found = st.integers(0, 10) | st.booleans()
        case _:
            found = TEXT
    return found


DEEPEST = 8
CONFIGURATIONS = values(schema())


@settings(max_examples=60)
@given(st.data())
def test_values_of_nearly_the_right_shape_raise_nothing_but_a_config_error(folder, data):
    # A copy: what is drawn may be the schema's own examples.
    written = copy.deepcopy(data.draw(CONFIGURATIONS))
    sources = {"crm": {"type": "drop_directory", "path": "drop", "object": "contacts"}}
    written |= {"version": 1, "sources": sources | written.get("sources", {})}
    for webhook in written.get("webhooks", {}).values():
        if data.draw(st.booleans()):
            webhook |= {"source": "crm", "object": "contacts"}
    if data.draw(st.booleans()):
        put(written, data.draw(st.sampled_from(list(ways(written)))), data.draw(ANYTHING))
    path = folder / "fuzz.yaml"
    path.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")

    for offline in (True, False):
        try:
            found = loading.load(path, environment={"env": "a"}, offline=offline)
        except ConfigError:
            event("refused")
        else:
            event(f"taken with {len(found.definitions.webhooks)} webhooks")


def ways(value: Any, steps: tuple = ()) -> Iterator[tuple]:
    """Yield the way to every value within *value*."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in pairs:
        yield (*steps, step)
        if isinstance(inner, (dict, list)):
            yield from ways(inner, (*steps, step))


def put(within: Any, steps: tuple, value: Any) -> None:
    for step in steps[:-1]:
        within = within[step]
    within[steps[-1]] = value


@given(st.text("[]{}:,&*!|>'\"%@`#?- \n\tab01~<", max_size=80) | st.text(max_size=40))
def test_text_that_is_no_configuration_raises_nothing_but_a_config_error(folder, text):
    path = folder / "fuzz.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(ConfigError):
        loading.load(path, environment={})
