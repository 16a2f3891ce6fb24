"""An object's fields change by its own verbs: no module sets a field of another module's class."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "webhookd"
NOT_OURS = {
    "request.state.subject": "Starlette's request carries it",
    "response.raw_headers": "Starlette's response",
    "inner.url": "httpx's request",
    **dict.fromkeys(
        [
            *("job.id", "job.name", "job.func", "job.trigger", "job.executor", "job.next_run_time"),
            *("job.misfire_grace_time", "job.coalesce", "job.max_instances"),
        ],
        "APScheduler's job: its job stores make them so, attribute by attribute",
    ),
}
CURSORS = {"window.at": "the place in a text that the functions of one scanner move"}

FIELD = re.compile(r"^    (\w+): |\bself\.(\w+)(?:: .*)? = ", re.MULTILINE)
SETS = re.compile(r"^ +(?!self\.\w+ )(?:.*, )?[\w.]+\.\w+(?:, .*)? [-+|&]?= ", re.MULTILINE)


def statements(node):
    """Yield every statement in *node*, and none of the expressions: those are most of a tree."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, name, ()):
            yield inner
            yield from statements(inner)


def targets(node):
    """Return what a statement assigns to."""
    match node:
        case ast.Assign():
            found = node.targets
        case ast.AugAssign() | ast.AnnAssign():
            found = [node.target]
        case _:
            return []
    return [one for each in found for one in getattr(each, "elts", [each])]


def fields(tree):
    """Return the fields that the classes of a module have."""
    found = set()
    for each in statements(tree):
        if isinstance(each, ast.ClassDef):
            declared = (one for node in each.body for one in targets(node))
            found.update(one.id for one in declared if isinstance(one, ast.Name))
        found.update(one.attr for one in targets(each) if is_of_self(one))
    return found


def is_of_self(target):
    return isinstance(target, ast.Attribute) and getattr(target.value, "id", None) == "self"


def test_no_module_sets_a_field_of_another_modules_class():
    texts = {path: path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
    of_all = {name for text in texts.values() for found in FIELD.findall(text) for name in found}
    # To take all apart would cost seconds.
    trees = {path: ast.parse(text) for path, text in texts.items() if SETS.search(text)}
    assert trees
    own = {path: fields(tree) for path, tree in trees.items()}

    assert [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(target)}"
        for path, tree in trees.items()
        for node in statements(tree)
        for target in targets(node)
        if isinstance(target, ast.Attribute)
        and not is_of_self(target)
        and target.attr in of_all
        and target.attr not in own[path]
        and ast.unparse(target) not in NOT_OURS | CURSORS
    ] == []
