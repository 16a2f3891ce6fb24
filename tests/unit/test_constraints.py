"""The constraints name one version of every package that webhookd needs, within its bounds."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)")


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [LINE.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(found), lines
    return {canonicalize_name(one[1]): one[2] for one in found if one}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def needed(requirements):
    """Return the packages that *requirements* lead to, by what is installed here."""
    found, waiting = set(), [Requirement(one) for one in requirements]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        extras = one.extras or {""}
        if (name, frozenset(extras)) in found:
            continue
        found.add((name, frozenset(extras)))
        for text in metadata.requires(name) or ():
            inner = Requirement(text)
            if inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in extras
            ):
                waiting.append(inner)
    return {name for name, _ in found}


def required():
    extra = project()["optional-dependencies"]["postgresql"]
    return [*project()["dependencies"], *extra]


def test_every_package_that_is_needed_is_pinned():
    assert needed(required()) - constraints().keys() == set()


def test_each_pinned_version_is_one_that_the_project_allows():
    pinned = constraints()

    for text in required():
        requirement = Requirement(text)
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_wherever_installing_is_told_the_constraints_are_told_too():
    told = [
        line
        for document in [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]
        for line in document.read_text().splitlines()
        if re.search(r"pip install .*['\" ]\.(\[|'|$| )", line)
    ]

    assert len(told) >= 3
    assert [line for line in told if "--constraint constraints.txt" not in line] == []
