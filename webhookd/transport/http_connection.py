"""One connection: it carries one exchange at a time and knows whether it may carry another."""

from __future__ import annotations

import asyncio
import errno
import ssl
from typing import TYPE_CHECKING, cast

from webhookd.transport import certificates
from webhookd.transport.answer import BODY_LIMIT, Answer
from webhookd.transport.failure import SendError, words_of
from webhookd.transport.known_answer import Memory
from webhookd.transport.socket_state import HUNG_UP, SocketState

if TYPE_CHECKING:
    from webhookd.definitions import Egress
    from webhookd.transport.certificates import Certificate
    from webhookd.transport.limit import Limit
    from webhookd.transport.pool import Pool

# The connect timeout is ours to keep; asyncio's own limit would cut a longer one short.
_HANDSHAKE_SECONDS = 86_400.0

# A receiver that does not say good-bye must not keep its socket here for asyncio's 30 seconds.
_SHUTDOWN_SECONDS = 1.0


class Connection(asyncio.Protocol):
    """A connection to a receiver.

    It was made under *egress* and is to be used only while those settings hold. *pool* learns
    when its socket is closed.
    """

    __slots__ = (
        "_answer",
        "_has_spoken",
        "_limit",
        "_loop",
        "_memory",
        "_name",
        "_pool",
        "_state",
        "_timer",
        "_timer_at",
        "_transport",
        "_waiter",
        "egress",
        "idle_until",
        "is_open",
        "made_at",
    )

    def __init__(self, name: str, egress: Egress, pool: Pool) -> None:
        self._name = name
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._state: SocketState | None = None
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[SendError | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._limit: Limit | None = None
        self._memory = Memory()
        self._has_spoken = False
        self.egress = egress
        self.is_open = False
        self.idle_until = 0.0
        self.made_at = self._loop.time()

    def rest(self, until: float) -> None:
        """Note that the next request may come until then; the loop's time."""
        self.idle_until = until

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Shake hands with *host* for TLS, or close and raise an `OSError` (`ssl.SSLError`)."""
        plain = self._transport
        # uvloop would wait for a handshake on a closed connection, and complain to the log.
        if plain is None or not self.is_open or plain.is_closing():
            raise ConnectionResetError(errno.ECONNRESET, "closed before the handshake")
        try:
            self._transport = await self._loop.start_tls(
                plain,
                self,
                context,
                server_hostname=host,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except BaseException:
            self.is_open = False
            plain.abort()
            raise

    @property
    def certificate(self) -> Certificate:
        """Return what the receiver's certificate says, where it was verified."""
        if self._transport is None:
            return {}
        certificate: Certificate = self._transport.get_extra_info("peercert") or {}
        return certificate

    async def exchange(
        self, payload: bytes, limit: Limit, *, has_body: bool = True, room: int = BODY_LIMIT
    ) -> Answer:
        """Send *payload* and return the answer, or raise `SendError`, within *limit*.

        The whole payload is handed over at once, so a receiver that answers before it has
        read everything (413) is heard; what it left unread goes with the connection.
        """
        if self._has_spoken:
            raise SendError("protocol", f"{self._name} answered before it was asked anything")
        if self._transport is None or not self.is_open:
            raise SendError("reset", f"{self._name} closed the connection")
        known = self._memory.answer
        answer = Answer(room, known) if has_body else Answer(room, has_body=False)
        self._answer = answer
        waiter = self._waiter = self._loop.create_future()
        self._arm(limit)
        self._transport.write(payload)
        try:
            failure = await waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._answer = self._waiter = None
            answer.close()
        if failure is not None:
            raise failure
        return answer

    def is_quiet(self) -> bool:
        """Return whether the connection is open and the receiver has sent nothing unasked.

        The event loop may not have read a FIN, an RST or stray bytes that are already here;
        the socket knows. Any of them makes the connection unfit for another request.
        """
        return self.is_open and self._state is not None and self._state.is_quiet()

    def listen(self) -> None:
        """Note what a receiver has said right after it was connected to, before it was asked.

        Not for TLS, where session tickets come unasked.
        """
        events = 0 if self._state is None else self._state.events()
        if events and not events & HUNG_UP:
            self._has_spoken = True
            self.abort()

    def close(self) -> None:
        """Close politely when nothing is under way and all is written, else at once."""
        if self._waiter is not None or not self._is_written():
            self.abort()
        elif self._transport is not None:
            self.is_open = False
            self._transport.close()

    def abort(self) -> None:
        """Close at once; an exchange under way fails."""
        self.is_open = False
        self._settle(SendError("reset", f"the connection to {self._name} was given up"))
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the socket is connected, nothing has been said."""
        self._transport = cast("asyncio.Transport", transport)
        self._state = SocketState(transport.get_extra_info("socket").fileno())
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Take in a piece of the answer; bytes that nobody asked for end the connection."""
        answer = self._answer
        if answer is None or self._waiter is None:
            self._has_spoken = True
            self.abort()
        elif answer.feed(data):
            self._finish(answer)
            if answer.is_known:
                self._memory.met()
            elif self._memory.is_worthwhile():
                self._memory.learn(answer.learned(data))

    def eof_received(self) -> None:
        """Take in that the receiver sends no more: it can never answer again."""
        self._lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: the socket is closed."""
        self._lost(exc)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pool.forget(self)

    def _finish(self, answer: Answer) -> None:
        """Hand over the answer and see whether the connection is good for another."""
        if answer.broken:
            self._settle(
                SendError("protocol", f"{self._name} gave a broken answer: {answer.broken}")
            )
        else:
            self._settle(None)
        if not answer.is_complete:
            self.abort()
        elif not answer.keeps_alive or not self._is_written():
            self.close()

    def _lost(self, exc: Exception | None) -> None:
        """Settle an exchange under way: what is decided stands, all else has failed."""
        self.is_open = False
        answer = self._answer
        if answer is None or self._waiter is None:
            return
        if exc is None:
            answer.end()
        answer.cut()
        self._settle(None if answer.is_decided else self._loss(exc, answer))

    def _loss(self, exc: Exception | None, answer: Answer) -> SendError:
        if isinstance(exc, ssl.SSLError):
            return certificates.from_alert(exc, self._name)
        what = (
            f"broke off ({words_of(exc)})" if isinstance(exc, OSError) else "closed the connection"
        )
        when = "in the middle of its answer's headers" if answer.has_begun else "without an answer"
        return SendError("reset", f"{self._name} {what} {when}")

    def _settle(self, failure: SendError | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(failure)

    def _is_written(self) -> bool:
        return self._transport is None or not self._transport.get_write_buffer_size()

    def _arm(self, limit: Limit) -> None:
        """Set the alarm for *limit*.

        A timer that rings too early is left alone and set again when it rings: one timer
        then serves thousands of quick exchanges.
        """
        self._limit = limit
        if self._timer is None or self._timer_at > limit.at:
            if self._timer is not None:
                self._timer.cancel()
            self._ring_at(limit.at)

    def _ring_at(self, when: float) -> None:
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        answer, limit = self._answer, self._limit
        if answer is None or limit is None or self._waiter is None:
            return
        if self._loop.time() < limit.at:
            self._ring_at(limit.at)
            return
        answer.cut()
        self._settle(None if answer.is_decided else limit.passed(self._waited_for(answer)))
        self.abort()

    def _waited_for(self, answer: Answer) -> str:
        if not self._is_written():
            return f"{self._name} did not take the whole request"
        what = "did not finish its answer's headers" if answer.has_begun else "gave no answer"
        return f"{self._name} {what}"
