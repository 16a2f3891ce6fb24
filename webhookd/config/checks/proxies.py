"""Proxies: a URL that names one, and a password that can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import urls
from webhookd.config.checks.authentication import username_problems
from webhookd.definitions import DIRECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the proxy of *webhook*."""
    request = webhook.at("request")
    proxy = request.text("proxy")
    if proxy is not None and proxy != DIRECT:
        try:
            urls.parse_proxy(proxy)
        except urls.UrlError as error:
            yield request.problem(str(error), "proxy")
        if "://[" in (request.text("url") or ""):
            message = "an IPv6 address cannot be asked of a proxy; use a name, or proxy: direct"
            yield request.problem(message, "url")
    if not request.is_there("proxy_authentication"):
        return
    if proxy == DIRECT or not request.is_there("proxy"):
        message = "there is no proxy that this is for; name its URL in 'proxy'"
        yield request.problem(message, "proxy_authentication", at_key=True)
    if problem := context.secret_problem(request.at("proxy_authentication", "password")):
        yield problem
    yield from username_problems(request.at("proxy_authentication"), context)
