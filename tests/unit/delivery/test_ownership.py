"""Every object of `delivery` and of its peers changes its own state: others call its verbs."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "webhookd"
MODULES = [
    *sorted((PACKAGE / "delivery").rglob("*.py")),
    PACKAGE / "fleet" / "fleet_peers.py",
    PACKAGE / "fleet" / "share_client.py",
]
NOT_OURS = {("job_store.py", "job"), ("timers.py", "job")}
"""APScheduler's jobs: its job stores make them so, attribute by attribute."""


def assigned(tree):
    """Yield each attribute that a statement sets or deletes, with the object it is of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_nothing_sets_an_attribute_of_another_object(path):
    outside = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in assigned(ast.parse(path.read_text()))
        if ast.unparse(node.value) != "self"
        and (path.name, ast.unparse(node.value)) not in NOT_OURS
    ]

    assert outside == []


ALONE = {"is_shared", "is_alone", "owner", "has_others"}
"""What would say whether other daemons write to the database."""


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "delivery").rglob("*.py")), ids=lambda path: path.name
)
def test_delivery_does_not_ask_whether_there_are_other_daemons(path):
    """That is what `Peers` are for: `Alone` answers where there are none."""
    tree = ast.parse(path.read_text())
    asked = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (node.attr in ALONE or (node.attr in {"share", "peers"} and _is_tested(node, tree)))
    ]

    assert asked == []


def _is_tested(attribute, tree):
    """Return whether a comparison with None has *attribute* on its left side."""
    return any(
        isinstance(node, ast.Compare)
        and node.left is attribute
        and ast.unparse(attribute) != "due.share"
        for node in ast.walk(tree)
    )
