"""Short secrets in texts: they are sought only where one stands as a whole value.

A secret of a few characters stands in many texts by chance: a client secret `s` in every word with
an s. So it counts only as all of a text, of a JSON text, of a query parameter, or of a header that
is named like one for secrets. Each may begin with a scheme, as `Bearer` does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from webhookd.rules.escapes import unescaping
from webhookd.rules.literal_secrets import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEME = r"(?i:(?:bearer|basic|token|apikey)\s+)?"
_UNFINISHED = re.compile(r"(?<!\\)\\(?:\\\\)*\Z")


class WholeValues:
    """Some forms of short secrets, sought as whole values."""

    __slots__ = ("_patterns", "_plain", "forms")

    def __init__(self, forms: frozenset[str]) -> None:
        self.forms = forms
        # What ends with half an escape is no JSON text: its closing quote would be part of it.
        finished = frozenset(form for form in forms if not _UNFINISHED.search(form))
        self._patterns = _patterns(_one_of(forms), in_quotes=_one_of(finished))
        self._plain = _patterns(_one_of(forms), in_quotes=_one_of(forms))

    def found(self, text: str) -> list[tuple[int, int]]:
        """Return where forms begin and end in *text*."""
        return list(_found(self._patterns, text))

    def encoded(self, text: str) -> list[tuple[int, int]]:
        """Return where forms are found in *text* when its encodings are undone, one by one."""
        spans: list[tuple[int, int]] = []
        patterns = self._patterns
        for answer in unescaping(text):
            spans += (
                (answer.starts[start], answer.ends[end - 1])
                for start, end in _found(patterns, answer.text)
            )
            patterns = self._plain
        return spans


def _patterns(secret: str, *, in_quotes: str) -> tuple[re.Pattern[str], ...]:
    """Return where a *secret* may stand, each as a pattern with the group `secret`."""
    quoted = rf"(?P<quote>[\"'])\s*{in_quotes}\s*(?P=quote)"
    parameter = r"[^\s=&?#\"'<>]*="
    return tuple(
        map(
            re.compile,
            (
                rf"\A\s*{secret}\s*\Z",
                rf"(?:\A|[:,\[])\s*{quoted}\s*(?=\Z|[,}}\]])",
                rf"[?&]{parameter}{secret}(?=\Z|[&#\s\"'<>)\]}},]|[.:;!](?:\s|\Z))",
                rf"\A{parameter}{secret}(?=&|\s*\Z)",
                rf"(?m:^)(?P<name>[A-Za-z0-9_-]+):[ \t]*{secret}[ \t\r]*(?m:$)",
            ),
        )
    )


def _one_of(forms: frozenset[str]) -> str:
    if not forms:
        return r"(?P<secret>(?!))"
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return rf"{_SCHEME}(?P<secret>{'|'.join(map(re.escape, longest_first))})"


def _found(patterns: tuple[re.Pattern[str], ...], text: str) -> Iterator[tuple[int, int]]:
    for pattern in patterns:
        for found in pattern.finditer(text):
            name = found.groupdict().get("name")
            if name is None or is_secret_name(name):
                yield found.span("secret")
