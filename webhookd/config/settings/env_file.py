r"""Environment variables in a file, as `--env-file` reads it: NAME=VALUE, a line each.

Blank lines and lines that begin with `#` are skipped, and `export` before a name. A value may stand
in quotes: 'as it is', or "with \n, \t, \" and \\". Behind one without quotes, ` #` begins a
comment. Nothing else is replaced.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from webhookd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 1024 * 1024

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'\s*(#.*)?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(#.*)?')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def read(path: Path) -> Mapping[str, str]:
    """Return the variables of the file at *path*.

    Raises a ConfigError, which shows no value, for a file that cannot be read and for lines that
    are none.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise _wrong(path, 0, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _wrong(path, 0, "is not UTF-8") from None
    except ValueError:
        raise _wrong(path, 0, "is not the path of a file") from None
    if len(content) > LARGEST:
        raise _wrong(path, 0, f"is larger than {LARGEST:,} bytes")
    problems = []
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            name, value = _variable(line)
        except ValueError as error:
            problems.append(_problem(path, number, str(error)))
        else:
            found[name] = value
    if problems:
        raise ConfigError(problems)
    return found


def _variable(line: str) -> tuple[str, str]:
    parts = _LINE.fullmatch(line)
    if not parts:
        raise ValueError("this is no NAME=VALUE")
    name, written = parts[1], parts[2].strip()
    if "\0" in written:
        raise ValueError(f"the value of {name} holds a NUL")
    if written[:1] in {"'", '"'}:
        quoted = (_SINGLE if written[0] == "'" else _DOUBLE).fullmatch(written)
        if not quoted:
            raise ValueError(f"the value of {name} does not end where its quotes do")
        value = quoted[1]
        if written[0] == '"':
            value = _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), value)
        return name, value
    return name, re.split(r"(?:^|\s+)#", written, maxsplit=1)[0].rstrip()


def _problem(path: Path, line: int, message: str) -> Problem:
    return Problem(str(path), line, 1 if line else 0, "", message)


def _wrong(path: Path, line: int, message: str) -> ConfigError:
    return ConfigError([_problem(path, line, message)])
