"""Where the records stand in a JSON document: names with dots between them, `data.items`.

A name with other characters stands in double quotes, as a JSON text: `"odd name".items`. It is the
part of JMESPath that names members; lists are not indexed.
"""

from __future__ import annotations

import json
import re
from typing import Final

_NAME: Final = r"""[^\x00-\x20\x7f."'`\[\](){}*?|&!,:;<>=@$\\#/~^%+]+"""
_QUOTED: Final = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*"'
_STEP: Final = re.compile(rf"({_NAME})|({_QUOTED})")

PATTERN: Final = rf"^(?:{_NAME}|{_QUOTED})(?:\.(?:{_NAME}|{_QUOTED})){{0,15}}$"
"""What a path looks like; the schema has the same."""


def steps(text: str) -> tuple[str, ...]:
    """Return the names in the path *text*, which looks like `PATTERN`, from the outermost."""
    return tuple(plain or json.loads(quoted) for plain, quoted in _STEP.findall(text))


def path_text(names: tuple[str, ...]) -> str:
    """Return the path of these *names* as it is written."""
    return ".".join(
        name if re.fullmatch(_NAME, name) and name.isprintable() else json.dumps(name)
        for name in names
    )
