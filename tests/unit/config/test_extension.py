"""What a source and its preset become: any of both, compared with a merge that knows no places."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from webhookd.config.presets import catalogue
from webhookd.config.presets.extension import extended
from webhookd.config.text import document

CHOOSERS = {"authentication": "type", "paging": "by", "detect": "by", "deletions": "by"}
FREE = {"query", "headers", "body", "parameters", "properties"}
REFERENCE = {"env", "file", "credential"}

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["a", "none", "list"])
keys = st.sampled_from(
    ["by", "type", "query", "limit", "next", "path", "modified", "deleted", "env", "records", "x"]
)
values = st.recursive(
    scalars | st.lists(scalars, max_size=3),
    lambda inner: st.dictionaries(
        keys | st.sampled_from(["paging", "detect", "deletions", "one"]), inner, max_size=4
    ),
    max_leaves=8,
)
maps = st.dictionaries(
    keys | st.sampled_from(["paging", "detect", "deletions", "one"]), values, max_size=5
)
sources = st.fixed_dictionaries(
    {"type": st.just("rest"), "extends": st.sampled_from(catalogue.names())},
    optional={
        "base_url": scalars,
        "authentication": maps,
        "headers": maps,
        "object_defaults": maps,
        "objects": st.dictionaries(
            st.sampled_from(["persons", "deals", "Contact", "Leads", "users", "x"]), maps
        ),
    },
)


def merged(lent, own, is_free=False):
    """Return what the documents say comes out: the reference."""
    result = dict(lent)
    for key, value in own.items():
        if key in lent and value is None:
            del result[key]
        elif key in lent and not whole(key, lent[key], value, is_free=is_free):
            result[key] = merged(lent[key], value, is_free or key in FREE)
        else:
            result[key] = value
    return result


def whole(key, below, above, *, is_free):
    if not isinstance(below, dict) or not isinstance(above, dict):
        return True
    if is_free:
        return False
    for one in (below, above):
        if one and one.keys() <= REFERENCE:
            return True
    chooser = CHOOSERS.get(key)
    return chooser in above and (chooser not in below or above[chooser] != below[chooser])


def parsed(source):
    text = json.dumps({"version": 1, "sources": {"crm": source}}, indent=1)
    return extended(document.parse(text.encode(), file="c.yaml", folder=Path()))


@settings(max_examples=30)
@given(sources)
def test_what_comes_out_is_the_merge_of_both_with_places_and_the_preset_stays(source):
    preset = catalogue.find(source["extends"])
    before = json.dumps(preset.source)
    read = parsed(source)

    assert read.data["sources"]["crm"] == expected(source, preset)
    check_places(read, source)
    for value in read.data["sources"]["crm"].values():
        if isinstance(value, dict):
            value["added"] = 1
    assert json.dumps(preset.source) == before


def expected(source, preset):
    lent = {key: value for key, value in preset.source.items() if not key.startswith("object")}
    own = {key: value for key, value in source.items() if not key.startswith(("object", "ext"))}
    result = merged(lent, own)
    defaults = source.get("object_defaults", {})
    if "objects" not in source:
        return result | ({"object_defaults": defaults} if "object_defaults" in source else {})
    result["objects"] = {}
    for name, read in source["objects"].items():
        under = merged(preset.source.get("object_defaults", {}), preset.objects.get(name, {}))
        is_known = preset.has(name, {*read, *defaults})
        result["objects"][name] = merged(merged(under, defaults), read) if is_known else read
    return result


def check_places(read, source):
    """Check that each key has its place in the file, or is said to be the preset's."""
    lines = json.dumps({"version": 1, "sources": {"crm": source}}, indent=1).splitlines()

    def walk(value, steps):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in children:
            problem = read.problem((*steps, key), "wrong", at_key=True)
            is_lent = problem.message.endswith(f"from the preset '{source['extends']}'")
            stands = lines[problem.line - 1][problem.column - 1 :]
            if isinstance(key, str) and not is_lent:
                assert stands.startswith(json.dumps(key))
            if is_lent and len(steps) == 2:
                assert stands.startswith('"extends"')
            if isinstance(below, (dict, list)):
                walk(below, (*steps, key))

    walk(read.data["sources"]["crm"], ("sources", "crm"))
