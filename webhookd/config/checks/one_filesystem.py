"""That the folders of a drop directory are on one filesystem: files go on their way by renaming."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FOLDERS: Final = ("work", "new", "done", "failed", "accepted")
"""The folders between which files are renamed."""

_ANY_PERMISSION: Final = getattr(os, "O_PATH", os.O_RDONLY)


def why_apart(root: Path) -> str | None:
    """Return why files cannot be renamed between the folders below *root*; None when they can.

    Two mounts of one filesystem are apart as well. A folder that is not there yet will be a plain
    one in *root*. None also where *root* cannot be looked at.
    """
    home = _mount(root)
    if home is None:
        return None
    found = [(root / name, _mount(root / name) or home) for name in FOLDERS]
    first, its_mount = found[0]
    for folder, mount in found:
        if mount != its_mount:
            names = ", ".join(f"{name}/" for name in FOLDERS[:-1])
            return (
                f"{folder} and {first} must be on one filesystem, in one mount of it, since files"
                f" are renamed from one to the other; mount that filesystem at {root} itself, or"
                f" have `path` name a folder on it, so that {names} and {FOLDERS[-1]}/ are plain"
                " folders there"
            )
    return None


def _mount(folder: Path) -> tuple[int, str] | None:
    """Return what is the same for all folders of a mount, None where there is no such folder."""
    try:
        descriptor = os.open(folder, _ANY_PERMISSION | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return os.fstat(descriptor).st_dev, _mount_id(descriptor)
    finally:
        os.close(descriptor)


def _mount_id(descriptor: int) -> str:
    """Return the number of the mount (proc(5), fdinfo), empty where the system does not tell."""
    try:
        told = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
    except OSError:
        return ""
    return next((line for line in told.splitlines() if line.startswith("mnt_id:")), "")
