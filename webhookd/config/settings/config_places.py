"""Where the configuration is looked for when nobody says where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HERE: Final = Path("webhookd.yaml")
SYSTEM: Final = Path("/etc/webhookd")

LOOKED_AT: Final = f"./{HERE} and {SYSTEM}"


def find() -> Path | None:
    """Return the configuration in this folder, else the system's; None where neither is.

    The system's is the file `webhookd.yaml` or `config.yaml` there, else the folder itself if it
    holds any.
    """
    for path in (HERE, SYSTEM / HERE, SYSTEM / "config.yaml"):
        if _is_file(path):
            return path
    try:
        return SYSTEM if any(SYSTEM.glob("*.yaml")) else None
    except OSError:
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
