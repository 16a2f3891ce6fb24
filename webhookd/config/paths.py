"""Paths as people write them: taken as they are, so what only a shell or Windows knows is refused.

A `$` or `%` inside of a name is a character like any other: refused are a variable that begins a
part of the path (`$SPOOL/crm`), and one in braces wherever it stands (`crm-${STAGE}`).
"""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HOME: Final = re.compile(r"~([^/]*)/*(.*)", re.DOTALL)
_VARIABLE: Final = re.compile(
    r"(?:^|/)(?P<plain>\$[A-Za-z_]\w*)|(?P<braces>\$\{[^{}]*\})"
    r"|(?:^|[/\\])(?P<windows>%[A-Za-z_][\w()]*%)"
)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(file):/", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[A-Za-z]:(?:[\\/]|\Z)")
_BACKSLASHES: Final = re.compile(r"\.{0,2}\\|[^/]*\\[^/]*\Z")


def why_wrong(path: str, *, is_secret: bool = False) -> str | None:
    """Return what is wrong with *path* and what to write instead; None when it can be taken.

    The answer goes on behind the path itself. With *is_secret* it holds no part of the path, which
    may be the secret in the wrong place.
    """
    if not path:
        return "is empty; write the path, or leave it out"
    if _CONTROL.search(path):
        return "is not a path: it holds a control character"
    if path != path.strip():
        return "begins or ends with a blank; write the path without it"
    found = _home(path) or _variable(path) or _address(path) or _windows(path)
    if found is None:
        return None
    told, example = found
    return f"{told}, such as {example}" if example and not is_secret else told


def checked(path: str) -> str:
    """Return *path* if it can be taken; ValueError says what is wrong, without showing it."""
    reason = why_wrong(path, is_secret=True)
    if reason is not None:
        raise ValueError(f"it {reason}")
    return path


def _home(path: str) -> tuple[str, str] | None:
    if not path.startswith("~"):
        return None
    found = _HOME.fullmatch(path)
    user, rest = (found[1], found[2]) if found else ("", "")
    example = "/".join(one for one in ("/home", user or "NAME", rest) if one)
    return (
        (
            "begins with ~, which is no home directory here: paths are taken as they are written;"
            " write the whole path"
        ),
        example,
    )


def _variable(path: str) -> tuple[str, str] | None:
    found = _VARIABLE.search(path)
    if found is None:
        return None
    kind = "Windows fills in" if found["windows"] else "a shell fills in"
    name = found[found.lastgroup or 0]
    written = path.replace("\\", "/") if found["windows"] else path
    rest = written[found.end() :] if found.end() < len(path) else ""
    example = "" if found["braces"] and found.start() else f"/var/spool/webhookd{rest}"
    return (
        (
            f"holds a variable ({'a name behind $' if name.startswith('$') else 'a name in %'}), as"
            f" {kind}; webhookd fills in none: write the whole path"
        ),
        example,
    )


def _address(path: str) -> tuple[str, str] | None:
    found = _SCHEME.match(path)
    if found is None:
        return None
    if (found[1] or found[2]).lower() == "file":
        rest = re.sub(r"\A(?:localhost)?/*", "/", path[found.end() :])
        return "is a URL; write the path alone", rest
    return (
        (
            "is the address of something that is no folder or file of this machine; mount it, or"
            " have a job copy its files, and write the path that they have here"
        ),
        "/var/spool/webhookd/crm",
    )


def _windows(path: str) -> tuple[str, str] | None:
    if path.startswith(("\\\\", "//")):
        return (
            (
                "is a share of another machine, as Windows writes it; mount it, and write where,"
                " with one / at the start"
            ),
            "/".join(("/mnt", *re.split(r"[\\/]+", path.strip("\\/"))[1:])),
        )
    if not _DRIVE.match(path) and not _BACKSLASHES.match(path):
        return None
    parts = [one for one in re.split(r"[\\/]+", re.sub(r"\A[A-Za-z]:", "", path)) if one]
    start = "/srv/" if _DRIVE.match(path) else ""
    return (
        "is a path of Windows; write the one that this machine has, with / between folders",
        start + "/".join(parts),
    )
