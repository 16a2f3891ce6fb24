"""The pages of the documents: which there are, their headings, and the links between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

_FENCE = re.compile(r"^(```|~~~).*?^\1[^\S\n]*$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a page, and the anchor that links to it."""

    level: int
    text: str
    anchor: str


def text(name: str) -> str:
    """Return the page `docs/NAME.md`."""
    return (DOCS / f"{name}.md").read_text()


def without_code(page: str) -> str:
    """Return *page* without its blocks of code."""
    return _FENCE.sub("", page)


def headings(page: str) -> list[Heading]:
    """Return the headings of *page*, in order, with anchors as GitHub and the site make them."""
    found: list[Heading] = []
    for marks, words in _HEADING.findall(without_code(page)):
        anchor = _anchor(words)
        before = sum(1 for heading in found if _anchor(heading.text) == anchor)
        found.append(Heading(len(marks), words, f"{anchor}-{before}" if before else anchor))
    return found


def links(page: str) -> list[str]:
    """Return where the links of *page* lead, pictures too, code left out."""
    return _LINK.findall(_CODE.sub("", without_code(page)))


def _anchor(words: str) -> str:
    shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", words)
    return re.sub(r"[^\w\- ]", "", shown.lower().strip()).replace(" ", "-")
