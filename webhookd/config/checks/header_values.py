"""Values that a header can carry (RFC 9110)."""

from __future__ import annotations

import re
from typing import Final

_VALUE: Final = re.compile(r"[\x21-\x7e\xa0-\xff]([\t\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?")
_LONGEST_VALUE: Final = 8192
"""In characters: what common servers take of one header."""


def fits(value: str) -> bool:
    """Return whether a header can carry *value* as it is."""
    return len(value) <= _LONGEST_VALUE and _VALUE.fullmatch(value) is not None
