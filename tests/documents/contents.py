"""The table of contents at the head of each page, written from its headings.

`python -m tests.documents.contents` renews it in every page where it is not current.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from tests.documents import pages

if TYPE_CHECKING:
    from tests.documents.pages import Heading

_BEGIN, _END = "<!-- contents -->", "<!-- /contents -->"
_BLOCK = re.compile(f"{_BEGIN}\n.*?{_END}\n\n", re.DOTALL)
_FEWEST = 2
"""A page with fewer sections is seen whole."""


def renewed(page: str) -> str:
    """Return *page* with a table of contents that is current before its first section."""
    bare = _BLOCK.sub("", page)
    below = [heading for heading in pages.headings(bare) if heading.level in {2, 3}]
    if len(below) < _FEWEST:
        return bare
    first = bare.index(f"\n{'#' * below[0].level} {below[0].text}\n") + 1
    return f"{bare[:first]}{_BEGIN}\n{_table(below)}\n{_END}\n\n{bare[first:]}"


def _table(below: list[Heading]) -> str:
    if all(heading.level == below[0].level for heading in below):
        return " ·\n".join(map(_link, below))
    lines = []
    for is_section, group in groupby(below, key=lambda heading: heading.level == 2):
        if is_section:
            lines += [f"* {_link(heading)}" for heading in group]
        else:
            lines[-1] += ": " + " · ".join(map(_link, group))
    return "\n".join(lines)


def _link(heading: Heading) -> str:
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.text)
    return f"[{words}](#{heading.anchor})"


if __name__ == "__main__":
    for path in pages.PAGES[1:]:  # the README is short
        if (page := path.read_text()) != (new := renewed(page)):
            path.write_text(new)
