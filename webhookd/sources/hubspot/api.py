"""Requests to HubSpot's CRM API: the only place that has the token.

Every request goes to `base_url` and nowhere else: redirects are answers like any other, and
links in answers are never followed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from json import dumps
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote, urlencode

import httpx

from webhookd import __version__
from webhookd.definitions import Tls
from webhookd.sources.hubspot.responses import decoded
from webhookd.sources.polling.refusals import PollError, Refusal, nonsense, refusal
from webhookd.sources.polling.request_budget import LONGEST_WAIT
from webhookd.sources.threads import in_thread
from webhookd.transport import SendError, SendOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhookd.definitions import Egress, HubspotSource
    from webhookd.sources.dependencies import Clocks
    from webhookd.sources.polling.request_budget import Budget

Sender: TypeAlias = httpx.AsyncBaseTransport
"""What sends a request: the daemon's transport, or one that a test has."""

TIMEOUT: Final = 30.0
CONNECT_TIMEOUT: Final = 5.0
LARGEST_ANSWER: Final = 32 << 20

LONGEST_BODY: Final = 3000
"""Characters of a search's body that HubSpot takes."""

LONGEST_TARGET: Final = 8000
"""Characters of a path and query: half of what is answered 414."""

_TRIES: Final = 3
_LARGE: Final = 64 << 10
"""Bytes of an answer that are taken apart in a thread."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. *date* is the server's own time, None when it gave none."""

    content: dict[str, Any]
    date: datetime | None


class Api:
    """Makes requests for one type of object; *count* learns the status of each."""

    def __init__(
        self,
        settings: HubspotSource,
        object_: str,
        *,
        transport: Sender,
        egress: Callable[[], Egress],
        budget: Budget,
        clocks: Clocks,
        count: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._egress = egress
        self._clocks = clocks
        self._count = count
        self._objects, self._properties = _paths(settings.api_version, object_)
        self.budget = budget

    async def properties(self) -> Answer:
        """Return the names and types of all properties."""
        return await self._call("GET", self._properties)

    async def page(self, query: Mapping[str, str]) -> Answer:
        """Return a page of the list of records."""
        return await self._call("GET", self.list_target(query))

    def list_target(self, query: Mapping[str, str]) -> str:
        """Return the path and query of a page of the list."""
        return f"{self._objects}?{urlencode(query, quote_via=quote)}"

    async def search(self, body: Mapping[str, Any]) -> Answer:
        """Return what a search finds."""
        return await self._call("POST", f"{self._objects}/search", body, is_search=True)

    async def read(self, ids: list[str], names: list[str]) -> Answer:
        """Return the records with *ids* (a hundred at the most) that are there and not archived."""
        body = {"inputs": [{"id": one} for one in ids], "properties": names}
        return await self._call("POST", f"{self._objects}/batch/read", body)

    async def _call(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None = None,
        *,
        is_search: bool = False,
    ) -> Answer:
        """Return the answer; what is likely to pass within seconds is tried again."""
        for number in range(1, _TRIES + 1):
            rate = self._settings.requests_per_second if is_search else None
            await self.budget.admit(searches_per_second=rate)
            answer = await self._attempt(method, target, body)
            if isinstance(answer, Answer):
                return answer
            refused = self._paused(answer, number)
            if number == _TRIES or refused.wait > LONGEST_WAIT or not _may_pass(refused):
                raise PollError(refused)
            # A token's pause is waited for where requests are admitted.
            await self._clocks.sleep(0 if refused.concerns == "token" else refused.wait)
        raise AssertionError("the last try returns or raises")

    def _paused(self, refused: Refusal, number: int) -> Refusal:
        """Return *refused* with a wait that grows with each try; a token's is for all it does."""
        least = 0.5 if refused.concerns == "request" else 0.0
        longer = (1 + self._clocks.dice() / 2) * 2.0 ** (number - 1)
        if not _may_pass(refused):
            return refused
        wait = max(refused.wait, least) * longer
        if refused.concerns == "token":
            self.budget.pause(wait)
        return replace(refused, wait=wait)

    async def _attempt(
        self, method: str, target: str, body: Mapping[str, Any] | None
    ) -> Answer | Refusal:
        request = self._request(method, target, body)
        try:
            response = await self._transport.handle_async_request(request)
        except SendError as error:
            self._count(error.reason)
            # Webhooks have a setting for their authority; what an API's is, the process knows.
            detail = error.detail.replace("tls.ca_file", "the file that SSL_CERT_FILE names")
            return Refusal(detail, "request", error.reason)
        content = await response.aread()
        self._count(str(response.status_code))
        is_cut = bool(response.extensions.get("answer_cut"))
        return await self._judge(response, content, is_cut=is_cut)

    async def _judge(
        self, response: httpx.Response, content: bytes, *, is_cut: bool
    ) -> Answer | Refusal:
        told: dict[str, Any] = {}
        try:
            told = await _decoded(content, is_cut=is_cut)
        except ValueError as error:
            if response.is_success:
                raise nonsense(f"the API's answer cannot be read: {error}") from None
        now = self._clocks.now()
        retry_after = response.headers.get("retry-after")
        refused = refusal(response.status_code, retry_after, told, now=now)
        return refused or Answer(told, _date(response.headers.get("date")))

    def _request(self, method: str, target: str, body: Mapping[str, Any] | None) -> httpx.Request:
        content = b"" if body is None else dumps(body, separators=(",", ":")).encode()
        url = httpx.URL(self._settings.base_url + target)
        headers = {
            "authorization": f"Bearer {self._settings.token.reveal()}",
            "user-agent": f"webhookd/{__version__}",
            "accept": "application/json",
        }
        if body is not None:
            headers["content-type"] = "application/json"
        options = SendOptions(
            timeout=TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
            tls=Tls(),
            egress=self._egress(),
            # Plain http is for addresses nearby: a proxy would read the token.
            proxy="direct" if url.scheme == "http" else None,
            answer_limit=LARGEST_ANSWER,
        )
        return httpx.Request(
            method,
            url,
            headers=headers,
            stream=httpx.ByteStream(content),
            extensions={"webhookd": options},
        )


def _may_pass(refused: Refusal) -> bool:
    """Return whether the same request may be answered well after a while."""
    return refused.concerns in {"request", "token"}


def _paths(version: str, object_: str) -> tuple[str, str]:
    """Return the paths of the records and of the properties of a type of object."""
    if version.startswith("v"):
        return f"/crm/{version}/objects/{object_}", f"/crm/{version}/properties/{object_}"
    return f"/crm/objects/{version}/{object_}", f"/crm/properties/{version}/{object_}"


async def _decoded(content: bytes, *, is_cut: bool) -> dict[str, Any]:
    if is_cut:
        raise ValueError("it ends too early, or is too long")
    if len(content) <= _LARGE:
        return decoded(content)
    return await in_thread(lambda: decoded(content))


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
