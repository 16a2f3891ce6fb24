"""The `json` of a drop directory: whether there is JSON at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(source: Node) -> Iterator[Problem]:
    """Yield what is wrong with the `json` of *source*."""
    json, file_format = source.at("json"), source.text("format")
    if file_format in {"csv", "ndjson"} and json.is_there("records"):
        message = f"this is for JSON files; with `format: {file_format}` there are none"
        yield json.problem(message, "records", at_key=True)
