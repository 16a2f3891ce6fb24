"""Templates of XML: well-formed with any values, which stand in text and in attributes only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

if TYPE_CHECKING:
    from webhookd.definitions.templates import Expression

_ELSEWHERE: Final = (
    "an expression stands in the text of an element or in the value of an attribute; not in a name,"
    " a comment, a CDATA section, an entity or a processing instruction"
)


class XmlError(ValueError):
    """A template is no XML; the message says where and why."""


@dataclass
class _Seen:
    """What stands in the places where values may: texts and attributes' values."""

    texts: list[str] = field(default_factory=list)
    is_in_cdata: bool = False

    def text(self, text: str) -> None:
        if not self.is_in_cdata:
            self.texts.append(text)

    def begin_element(self, _name: str, attributes: dict[str, str]) -> None:
        self.texts.extend(attributes.values())

    def begin_namespace(self, _prefix: str | None, uri: str | None) -> None:
        self.texts.append(uri or "")

    def begin_cdata(self) -> None:
        self.is_in_cdata = True

    def end_cdata(self) -> None:
        self.is_in_cdata = False


def check(parts: tuple[str | Expression, ...]) -> None:
    """Raise an `XmlError` unless the *parts* of a text are XML whatever their expressions give."""
    own = "".join(part for part in parts if isinstance(part, str))
    mark = "value"
    while mark in own:
        mark += "-"
    marks = [f"{mark}{number}." for number in range(len(parts))]
    text = "".join(
        part if isinstance(part, str) else marks[number] for number, part in enumerate(parts)
    )
    seen = _Seen()
    # Receivers know namespaces: to them a prefix that nobody declares is an error.
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.CharacterDataHandler = seen.text
    parser.StartElementHandler = seen.begin_element
    parser.StartNamespaceDeclHandler = seen.begin_namespace
    parser.StartCdataSectionHandler = seen.begin_cdata
    parser.EndCdataSectionHandler = seen.end_cdata
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.XmlDeclHandler = _only_utf8
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise XmlError(
            f"this is not well-formed XML: {expat.ErrorString(error.code)} in its line"
            f" {error.lineno}; {_ELSEWHERE}"
        ) from None
    found = "\0".join(seen.texts)
    if any(
        not isinstance(part, str) and marks[number] not in found
        for number, part in enumerate(parts)
    ):
        raise XmlError(_ELSEWHERE)


def _no_doctype(*_declared: object) -> None:
    raise XmlError("a body declares no DOCTYPE; receivers refuse it")


def _only_utf8(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding and encoding.lower() != "utf-8":
        raise XmlError(f"bodies are UTF-8, and the XML declaration says {encoding[:40]!r}")
