"""The glossary and the code have the same words."""

import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "glossary.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| word", "|---"))
]
MIRRORED = {"cli", "tables", "checks", "views", "pages", "versions"}
"""Folders whose modules are named after the subjects of others, on purpose."""


def names():
    return [(row[0], name) for row in ROWS for name in re.findall(r"`([\w.]+)`", row[2])]


@pytest.mark.parametrize(("word", "name"), names())
def test_what_the_glossary_names_is_there(word, name):
    module, rest = f"webhookd.{name}", []
    while True:
        try:
            found = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            assert module != "webhookd", f"{word}: no {name}"
            rest.insert(0, last)
    for attribute in rest:
        found = getattr(found, attribute)


def test_each_word_stands_once_with_all_its_columns():
    words = Counter(row[0] for row in ROWS)

    assert [word for word, count in words.items() if count > 1] == []
    assert [row[0] for row in ROWS if len(row) != 5 or not all(row)] == []


def test_no_two_modules_have_the_same_name():
    """A name is found where it is looked for, once."""
    modules = [
        path
        for path in (ROOT / "webhookd").rglob("*.py")
        if not path.name.startswith("__") and not MIRRORED & set(path.parts)
    ]
    count = Counter(path.name for path in modules)

    twice = [str(path.relative_to(ROOT)) for path in modules if count[path.name] > 1]
    assert sorted(twice) == []


def test_no_folder_is_a_heap():
    """At most 12 modules in a folder, but for those that hold one module for each subject."""
    more = {"delivery": 20, "transport": 20, "directory": 22, "config": 24}
    folders = Counter(
        path.parent for path in (ROOT / "webhookd").rglob("*.py") if path.name != "__init__.py"
    )

    assert [
        str(folder.relative_to(ROOT))
        for folder, count in folders.items()
        if folder.name not in MIRRORED | {"rules"} and count > more.get(folder.name, 12)
    ] == []
