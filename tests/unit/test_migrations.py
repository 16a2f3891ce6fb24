"""Steps of the database are a row: one after another, each once, up to the newest."""

from pathlib import Path

from webhookd.storage.schema.versions import NEWEST

ROOT = Path(__file__).parents[2]
STEPS = ROOT / "webhookd" / "storage" / "schema" / "migrations" / "versions"


def test_each_step_has_a_number_of_its_own_and_follows_the_one_before():
    steps = [_numbers(path) for path in sorted(STEPS.glob("r*.py"))]

    assert [after for after, _ in steps] == [f"{2 + place:04}" for place in range(len(steps))]
    assert [before for _, before in steps[1:]] == [after for after, _ in steps[:-1]]
    assert steps[-1][0] == NEWEST


def _numbers(path: Path) -> tuple[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {name: text for name, _, text in (line.partition(" = ") for line in lines)}
    after, before = found["revision"].strip('"'), found["down_revision"].strip('"')
    assert path.name.startswith(f"r{after}_")
    return after, before
