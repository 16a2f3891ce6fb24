"""The tree of errors that `webhookd.errors` draws is the whole tree."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from webhookd import errors
from webhookd.errors import counted

PACKAGE = Path(errors.__file__).parent


def classes():
    """Return each class of the package that has one base or more, with the first one's name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.bases:
                base = node.bases[0]
                yield node.name, base.attr if isinstance(base, ast.Attribute) else ast.unparse(base)


def written():
    """Return the errors under WebhookdError in the code, each with its parent."""
    found = {"WebhookdError": "Exception"}
    every = list(classes())
    while more := [(name, base) for name, base in every if base in found and name not in found]:
        found.update(more)
    return found


def drawn():
    """Return the errors in the docstring, each with its parent."""
    found, above = {}, ["Exception"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+Error)\b", line)
        if match and (match[1] or match[2] == "WebhookdError"):
            depth = len(match[1]) // 4 + 1
            found[match[2]] = above[depth - 1]
            above[depth:] = [match[2]]
    return found


def test_the_tree_of_errors_is_drawn_whole():
    assert drawn() == written()


def test_no_two_errors_have_the_same_name():
    names = written()
    count = Counter(name.lstrip("_") for name, _ in classes() if name in names)

    assert [name for name, times in count.items() if times > 1] == []


@pytest.mark.parametrize(
    ("number", "noun", "told"),
    [
        (0, "delivery", "0 deliveries"),
        (1, "delivery", "1 delivery"),
        (1_200, "delivery", "1,200 deliveries"),
        (2, "day", "2 days"),
        (1, "known record", "1 known record"),
        (3, "property", "3 properties"),
    ],
)
def test_one_of_a_thing_is_told_as_one(number, noun, told):
    assert counted(number, noun) == told
