"""Requests to one REST API for one type of object: within the budget, at one origin."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhookd.definitions import ApiKey
from webhookd.sources.rest.answers import links
from webhookd.sources.rest.answers.meaning import reset_in

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from webhookd.clock import Clock
    from webhookd.definitions import RestSource
    from webhookd.rules.placeholders import Value
    from webhookd.sources.polling.api_client import ApiAnswer, ApiClient
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.sources.rest.asking.composed_requests import Asked, Composed


def origin_of(base_url: str) -> str:
    """Return scheme, host and port of a base URL: every request goes there."""
    found = urlsplit(base_url)
    return f"{found.scheme}://{found.netloc}"


class Api:
    """Asks the API of *settings*. *values* are the placeholders that every request may have."""

    def __init__(
        self,
        settings: RestSource,
        client: ApiClient,
        budget: Budget,
        clock: Clock,
        values: Mapping[str, Value],
    ) -> None:
        self.source = settings.name
        self.clock = clock
        self._client = client
        self._budget = budget
        self._base_url = settings.base_url
        self._base_path = urlsplit(settings.base_url).path.rstrip("/")
        self._headers = tuple(settings.headers.items())
        self._values = values
        self._per_second = settings.requests_per_second
        key = settings.authentication
        is_in_query = isinstance(key, ApiKey) and key.location == "query"
        self._secret = key.name if isinstance(key, ApiKey) and is_in_query else None

    def asked(self, request: Composed, values: Mapping[str, Value | None]) -> Asked:
        """Return *request* with *values* in the place of its placeholders."""
        return request.filled(self._base_path, {**self._values, **values})

    def link(self, link: str, asked: Asked) -> str:
        """Return what a link in the answer to *asked* leads to; ForeignLinkError if elsewhere."""
        url = f"{origin_of(self._base_url)}{asked.target}"
        return links.target(link, url, self._base_url, without=self._secret)

    async def call(
        self, asked: Asked, *, accept: Container[int] = (), is_careful: bool = False
    ) -> ApiAnswer:
        """Return the answer to *asked*; PollError when it is no success, and no *accept*.

        What *is_careful* leaves half of the budget to others.
        """
        answer = await self._client.call(
            asked.method,
            asked.target,
            asked.content,
            headers=(*self._headers, *asked.headers),
            accept=accept,
            per_second=self._per_second / 2 if is_careful else None,
        )
        seconds = reset_in(answer.headers, answer.date or self.clock.now())
        if seconds:
            self._budget.pause(seconds)
        return answer
