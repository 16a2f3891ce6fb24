"""URLs: valid, https unless plain http is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(webhook: Node) -> Iterator[Problem]:
    """Yield what is wrong with the URL of *webhook*: the first thing, if anything."""
    request = webhook.at("request")
    url = request.text("url")
    if url is None:
        return
    try:
        parsed = urls.parse(url)
    except urls.UrlError as error:
        yield request.problem(str(error), "url")
        return
    if parsed.scheme == "http" and request.mapping().get("allow_http") is not True:
        message = "plain http can be read and changed on its way; use https, or allow_http: true"
        yield request.problem(message, "url")
