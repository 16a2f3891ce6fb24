"""What supervisors and Prometheus ask: whether the daemon lives, whether it is ready, metrics.

The admin API has these three beside its own. `ProbeApplication` has nothing else, for a listener
that anybody may reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.errors import StorageError
from webhookd.telemetry import metrics
from webhookd.telemetry.events import BugFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from webhookd.operations.control import Control

OK, NOT_FOUND, NOT_ALLOWED, BROKEN, UNAVAILABLE = 200, 404, 405, 500, 503
PATHS: Final = ("/healthz", "/readyz", "/metrics")
"""What is served to whoever asks, at the admin API's port, too."""

TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """A status, and a text of a media type."""

    status: int
    content: bytes
    media_type: str = TEXT


class Probes:
    """Answers by path. Each raises StorageError when the database cannot be asked."""

    def __init__(self, control: Control) -> None:
        self._control = control
        answers = (self.health, self.readiness, self.metrics)
        self.by_path: dict[str, Callable[[], Awaitable[ProbeAnswer]]] = dict(
            zip(PATHS, answers, strict=True)
        )

    async def health(self) -> ProbeAnswer:
        """Return 200 when the event loop and the writer's thread work."""
        await self._control.is_alive()
        return ProbeAnswer(OK, b"alive\n")

    async def readiness(self) -> ProbeAnswer:
        """Return 200 when the daemon is ready, else 503 and why not."""
        why_not = await self._control.readiness.why_not()
        if why_not is not None:
            return ProbeAnswer(UNAVAILABLE, f"not ready: {why_not}\n".encode())
        return ProbeAnswer(OK, b"ready\n")

    async def metrics(self) -> ProbeAnswer:
        """Return what a scrape shows; 503 before there are any figures."""
        if not self._control.has_definitions:
            return await self.readiness()
        content = await self._control.report.exposition()
        return ProbeAnswer(OK, content, metrics.CONTENT_TYPE)


class ProbeApplication:
    """Serves the probes and nothing else, to whoever asks: nothing is secret, nothing acts.

    The Host is not looked at: an address of a pod or a service has many names.
    """

    def __init__(self, control: Control) -> None:
        self._by_path = Probes(control).by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request; a body is not read."""
        answer, headers = await self._answer(scope), []
        if answer.status == NOT_ALLOWED:
            headers.append((b"allow", b"GET, HEAD"))
        headers.append((b"content-type", answer.media_type.encode()))
        headers.append((b"content-length", b"%d" % len(answer.content)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        content = b"" if scope["method"] == "HEAD" else answer.content
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope) -> ProbeAnswer:
        probe = self._by_path.get(scope["path"])
        if probe is None:
            told = b"there is nothing here but /healthz, /readyz and /metrics\n"
            return ProbeAnswer(NOT_FOUND, told)
        if scope["method"] not in {"GET", "HEAD"}:
            return ProbeAnswer(NOT_ALLOWED, b"only GET and HEAD are taken\n")
        try:
            return await probe()
        except StorageError as error:
            return ProbeAnswer(UNAVAILABLE, f"{error}\n".encode())
        except Exception as error:  # noqa: BLE001 - a bug costs a request
            telemetry.report(BugFound("admin.request_broke", error, {"path": scope["path"]}))
            return ProbeAnswer(BROKEN, b"a bug in webhookd; its log has the details\n")
