"""Every file in `tests/data/configs/bad` gives exactly the problems it holds as comments.

A file says `# expect: LINE:COLUMN: WHERE: MESSAGE`, a folder has them in `expect.txt`, each
line with the name of its file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from webhookd.config import loading
from webhookd.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "data" / "configs"
BAD = sorted((CONFIGS / "bad").iterdir())
CANARY = "CANARY"
ENVIRONMENT = {
    "SECRET": f"{CANARY}-secret",
    "OTHER": f"{CANARY}-other",
    "EMPTY": "",
    "TWO_LINES": f"{CANARY}\nb",
    "NOT_UTF8": f"{CANARY}\udcff",
    "WIDE": f"{CANARY}-✓",
    "COLON": f"{CANARY}:b",
    "STANDARD": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
    "URL_HTTP": f"http://example.com/{CANARY}",
    "URL_QUERY": f"https://example.com/{CANARY}?b={CANARY}",
    "CREDENTIALS_DIRECTORY": "files",
}


def expected(path: Path) -> list[str]:
    if path.is_dir():
        return (path / "expect.txt").read_text().splitlines()
    lines = path.read_text().splitlines()
    return [line.removeprefix("# expect: ") for line in lines if line.startswith("# expect: ")]


@pytest.fixture(autouse=True)
def in_the_folder_of_the_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONFIGS)


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loading.load(path, environment=ENVIRONMENT)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_configuration_gives_exactly_the_problems_it_expects(path):
    relative = path.relative_to(CONFIGS)
    start = f"{relative}/" if path.is_dir() else f"{relative}:"

    found = [problem.removeprefix(start).strip() for problem in problems_of(relative)]

    assert found == expected(path)
    assert found


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_no_message_shows_a_secret_or_what_stands_in_the_place_of_one(path):
    assert CANARY not in "\n".join(problems_of(path.relative_to(CONFIGS)))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_problem_is_one_line_that_says_more_than_that_a_schema_was_not_met(path):
    for problem in problems_of(path.relative_to(CONFIGS)):
        assert problem.isprintable()
        assert "given schemas" not in problem
        assert "breaks the schema's rule" not in problem
