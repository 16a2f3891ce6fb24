"""Requests to a JSON API: within a budget, repeated where that may help, and taken apart.

Every request goes to the base URL and nowhere else: redirects are answers like any other, and
links in answers are never followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from json import dumps
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx

from webhookd import __version__
from webhookd.definitions import Tls
from webhookd.errors import TokenError
from webhookd.rules.url_encoding import encode_query, full_url
from webhookd.sources.polling import refusals
from webhookd.sources.polling.answer_json import TooDeepError, decoded
from webhookd.sources.polling.refusals import (
    NO_CONTENT,
    TOO_LARGE,
    PollError,
    Received,
    Refusal,
    nonsense,
)
from webhookd.sources.polling.request_budget import LONGEST_WAIT
from webhookd.sources.threads import in_thread
from webhookd.telemetry import logs
from webhookd.transport import SendError, SendOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from datetime import datetime

    from webhookd.authentication.credentials import Authorization, Credentials
    from webhookd.clock import Clock
    from webhookd.definitions import Egress
    from webhookd.sources.polling.request_budget import Budget

ApiTransport: TypeAlias = httpx.AsyncBaseTransport
"""What sends a request: the daemon's transport, or one that a test has."""

TIMEOUT: Final = 30.0
"""Seconds that a request may take, its answer included."""

CONNECT_TIMEOUT: Final = 5.0
"""Seconds until there must be a connection."""

LARGEST_ANSWER: Final = 32 << 20
"""Bytes of an answer; a longer one is cut, and then no answer."""

_TRIES: Final = 3
"""Requests within one poll for the same thing."""

LARGE: Final = 64 << 10
"""Bytes of an answer that are taken apart in a thread."""


_WITHOUT: Final = frozenset({204, 304})
"""Statuses of answers that have no content."""

_YEARS = range(1971, 9000)
"""Of a `Date`: beyond them a length added to it, or taken off, may have no date."""


Judge: TypeAlias = "Callable[[Received, Callable[[str], str]], Refusal | None]"
"""Says what an answer refuses, None for a success, `NO_CONTENT` for one with nothing in it; the
second argument hides secrets."""


Decode: TypeAlias = "Callable[[bytes], Any]"
"""Takes an answer's JSON apart; ValueError, or TooDeepError, where that is none."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an API speaks: what its answers mean, and how they are taken apart."""

    judge: Judge = refusals.refusal
    decode: Decode = decoded


PLAIN: Final = Dialect()
"""What HTTP says, in JSON objects."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """A success. *date* is the server's own time, None when it gave none; *headers* in small.

    *content* is as it was decoded, of so many bytes; None where an empty answer is a success.
    """

    content: Any
    date: datetime | None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    size: int = 0
    is_empty: bool = False


class ApiClient:
    """Makes requests to the API at *base_url*.

    *credentials* authorize each request, and *count* learns the status of each answer, or why there
    was none.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        transport: ApiTransport,
        egress: Callable[[], Egress],
        budget: Budget,
        clock: Clock,
        count: Callable[[str], None],
        dialect: Dialect = PLAIN,
    ) -> None:
        self._base_url = base_url
        self._credentials = credentials
        self._transport = transport
        self._egress = egress
        self._budget = budget
        self._clock = clock
        self._count = count
        self._dialect = dialect

    async def call(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        per_second: float | None = None,
        headers: Sequence[tuple[str, str]] = (),
        accept: Container[int] = (),
    ) -> ApiAnswer:
        """Return the answer; what is likely to pass within seconds is tried again.

        *target* is a path with its query. *per_second* rations requests that cost the API much.
        *headers* stand beside those of every request; *body* is JSON, of a value or as bytes.
        Statuses to *accept* are a success with nothing in it, whatever they say otherwise.
        PollError when there is no success.
        """
        for number in range(1, _TRIES + 1):
            await self._budget.admit(per_second=per_second)
            answer = await self._attempt(method, target, body, headers, accept)
            if isinstance(answer, ApiAnswer):
                return answer
            refused = self._paused(answer, number)
            if number == _TRIES or refused.wait > LONGEST_WAIT or not _may_pass(refused):
                raise PollError(refused)
            # A token's pause is waited for where requests are admitted.
            await self._clock.sleep(0 if refused.concerns == "token" else refused.wait)
        raise AssertionError("the last try returns or raises")

    def _paused(self, refused: Refusal, number: int) -> Refusal:
        """Return *refused* with a wait that grows with each try; a token's is for all it does."""
        least = 0.5 if refused.concerns == "request" else 0.0
        longer = (1 + self._clock.dice() / 2) * 2.0 ** (number - 1)
        if not _may_pass(refused):
            return refused
        wait = max(refused.wait, least) * longer
        if refused.concerns == "token":
            self._budget.pause(wait)
        return replace(refused, wait=wait)

    async def _attempt(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | bytes | None,
        headers: Sequence[tuple[str, str]],
        accept: Container[int],
    ) -> ApiAnswer | Refusal:
        try:
            authorization = await self._credentials.authorize(self._clock.now())
        except TokenError as error:
            self._count("token")
            return Refusal(str(error), "poll", "token")
        request = self._request(method, target, body, headers, authorization)
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
        answer = await self._answer(response, content, accept, is_cut=is_cut)
        renewal = self._credentials.refused(authorization.serial, response.status_code)
        if renewal == "at_once" and isinstance(answer, Refusal):
            return replace(answer, concerns="request")
        return answer

    async def _answer(
        self, response: httpx.Response, content: bytes, accept: Container[int], *, is_cut: bool
    ) -> ApiAnswer | Refusal:
        value: Any = None
        status = response.status_code
        headers = {name.lower(): one for name, one in response.headers.items()}
        date = _date(headers.get("date"))
        nothing = ApiAnswer(None, date, headers, status, is_empty=True)
        if status in accept:
            return nothing
        if content or status not in _WITHOUT:
            try:
                value = await self._decoded(content, is_cut=is_cut)
            except ValueError as error:
                if response.is_success:
                    why = f"the API's answer cannot be read: {error}"
                    is_too_much = is_cut or isinstance(error, TooDeepError)
                    raise nonsense(why, TOO_LARGE if is_too_much else "nonsense") from None
        # A time to wait until is meant by the clock that the answer has, which may differ.
        received = Received(status, headers, value, content, date or self._clock.now())
        refused = self._dialect.judge(received, logs.redacted)
        if refused is NO_CONTENT:
            return nothing
        return refused or ApiAnswer(value, date, headers, status, len(content))

    async def _decoded(self, content: bytes, *, is_cut: bool) -> Any:
        if is_cut:
            raise ValueError("it ends too early, or is too long")
        if len(content) <= LARGE:
            return self._dialect.decode(content)
        return await in_thread(lambda: self._dialect.decode(content))

    def _request(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | bytes | None,
        own_headers: Sequence[tuple[str, str]],
        authorization: Authorization,
    ) -> httpx.Request:
        content = body if isinstance(body, bytes) else b""
        if body is not None and not isinstance(body, bytes):
            content = dumps(body, separators=(",", ":")).encode()
        key = encode_query([authorization.query]) if authorization.query else ""
        url = httpx.URL(full_url(self._base_url + target, "", key))
        headers = {
            "accept": "application/json",
            **{name.lower(): one for name, one in own_headers},
            **{name.lower(): one for name, one in authorization.headers},
            "user-agent": f"webhookd/{__version__}",
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


def _date(text: str | None) -> datetime | None:
    """Return the time in an answer's `Date`; None for one that nobody could reckon with."""
    try:
        found = parsedate_to_datetime(text or "")
        at = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year in _YEARS else None
