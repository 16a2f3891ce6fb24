"""URLs: valid, https unless plain http is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import urls
from webhookd.config.templates.marks import holds_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the URL of *webhook*: the first thing, if anything."""
    request = webhook.at("request")
    if problem := context.secret_problem(request.at("url")):
        yield problem
    url = written(request, context)
    if url is None:
        return
    if isinstance(request.at("url").value, str) and holds_marks(url):
        # Jinja takes a while to load: only where there are expressions.
        from webhookd.config.checks import url_and_headers  # noqa: PLC0415

        found = list(url_and_headers.check_url(request.at("url"), context))
        yield from found
        if found:
            return
        url = url_and_headers.without_expressions(url)
    elif holds_marks(url):
        yield request.problem(
            "a URL that is a secret holds no expressions; write the URL here, and"
            " {{ secrets.NAME }} for the part of it that is secret",
            "url",
        )
        return
    try:
        parsed = urls.parse(url)
    except urls.UrlError as error:
        yield request.problem(str(error), "url")
        return
    if parsed.scheme == "http" and request.mapping().get("allow_http") is not True:
        message = "plain http can be read and changed on its way; use https, or allow_http: true"
        yield request.problem(message, "url")


def written(request: Node, context: Context) -> str | None:
    """Return the URL of *request*, that of a reference too; None where it cannot be had.

    No message may show it.
    """
    node = request.at("url")
    if isinstance(node.value, str):
        return node.value
    secret = context.secret(node)
    return None if secret is None else secret.reveal()


def query_names(request: Node, context: Context) -> list[str]:
    """Return the names of the parameters that the URL of *request* itself has."""
    url = written(request, context) or ""
    if holds_marks(url):
        from webhookd.config.checks import url_and_headers  # noqa: PLC0415 - see `check`

        url = url_and_headers.without_expressions(url)
    return list(urls.query_names(url))
