"""The `csv` of a drop directory: formats of dates, an encoding, and whether there is CSV at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.messages import near, shown
from webhookd.rules.text_encodings import is_text_encoding
from webhookd.rules.written_values import flaw_of_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

_OF_THE_FILE = ("encoding", "skip_lines", "delimiter")
_FAMILIAR = ("utf-8", "utf-16", "utf-16-le", "cp1250", "cp1252", "iso-8859-1", "iso-8859-15")


def check(source: Node) -> Iterator[Problem]:
    """Yield what is wrong with the `csv` of *source*."""
    csv = source.at("csv")
    for form in csv.items("dates"):
        text = form.text()
        flaw = None if text is None else flaw_of_date(text)
        if flaw is not None:
            yield form.problem(f"{shown(text)} is no format of dates: {flaw}")
    yield from _encoding(csv)
    file_format = source.text("format")
    if file_format in {"json", "ndjson"}:
        for key in _OF_THE_FILE:
            if csv.is_there(key):
                message = f"this is for CSV files; with `format: {file_format}` there are none"
                yield csv.problem(message, key, at_key=True)


def _encoding(csv: Node) -> Iterator[Problem]:
    name = csv.text("encoding")
    if name is None or name == "auto" or is_text_encoding(name):
        return
    hint = near(name, _FAMILIAR) or "; common ones are utf-8, utf-16, cp1252 and iso-8859-15"
    yield csv.problem(f"{shown(name)} is no encoding of text that Python knows{hint}", "encoding")
