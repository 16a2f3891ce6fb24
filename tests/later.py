"""A webhookd that is yet to come: this one, with the steps of a folder behind its own.

As a process it is `python -m tests.later`, and the folder is `WEBHOOKD_TEST_STEPS`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd import cli
from webhookd.storage.schema import upgrade, versions

if TYPE_CHECKING:
    import pytest

STEP = """
import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"
is_expanding = {is_expanding}


def upgrade():
    {does}
"""
COLUMN = "op.add_column('deliveries', sa.Column('later', sa.Integer()))"
FILLED = (
    "op.add_column('lanes', sa.Column('later', sa.Integer(), nullable=False, server_default='7'))"
)
TABLE = "op.create_table('later', sa.Column('number', sa.Integer(), primary_key=True))"
INDEX = "op.create_index('later_by_epoch', 'deliveries', ['epoch'], if_not_exists=True)"


@dataclass
class Later:
    """The steps of a webhookd that is yet to come, in *folder*."""

    folder: Path
    numbers: list[str] = field(default_factory=lambda: [versions.NEWEST])

    def __post_init__(self) -> None:
        if not self.folder.exists():
            shutil.copytree(upgrade._MIGRATIONS, self.folder)

    def add(self, number: str, *does: str, is_expanding: bool = True) -> None:
        """Add a step that *does* something, behind the last."""
        step = STEP.format(
            number=number,
            before=self.numbers[-1],
            is_expanding=is_expanding,
            does="\n    ".join(does),
        )
        (self.folder / "versions" / f"r{number}_later.py").write_text(step)
        self.numbers.append(number)

    def come(self, patch: pytest.MonkeyPatch) -> None:
        """Let this process be that webhookd, as long as *patch* lasts."""
        patch.setattr(upgrade, "_MIGRATIONS", self.folder)
        patch.setattr(versions, "NEWEST", self.numbers[-1])
        patch.setattr(versions, "WORKS_WITH", upgrade.oldest_that_works())


def _become() -> None:
    upgrade._MIGRATIONS = Path(os.environ["WEBHOOKD_TEST_STEPS"])
    steps = (upgrade._MIGRATIONS / "versions").glob("r*.py")
    versions.NEWEST = max(step.name[1:5] for step in steps)  # type: ignore[misc]
    versions.WORKS_WITH = upgrade.oldest_that_works()  # type: ignore[misc]


if __name__ == "__main__":
    _become()
    cli.main()
