"""What a receiver answers, as it arrives: parsed by llhttp, kept up to a limit.

The final status line decides. Before it, anything that is not HTTP/1 makes the answer *broken*;
after it, whatever the headers and the body do can only *cut* it: a receiver that has taken a
delivery and writes a malformed header would otherwise get it again for three days.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import httptools

from webhookd.transport import known_answer

if TYPE_CHECKING:
    from webhookd.transport.known_answer import KnownAnswer

HEAD_LIMIT = 64 * 1024
"""Bytes of status line and headers, those of 1xx answers before included."""

BODY_LIMIT = 64 * 1024
"""Bytes of the body that are kept, unless the options say more; a longer one is cut."""

# Chunk sizes, extensions and trailers are not body, and must have an end as well.
_AFTER_HEAD_FACTOR = 4

_NAME = b"HTTP/"
_STATUS_LINE: Final = re.compile(rb"[\r\n]*HTTP/1\.[01] ([2-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")

_FIRST_FINAL = 200
_FIRST_INFORMATIONAL = 100
_SWITCHING_PROTOCOLS = 101


class Answer:
    """One answer; httptools calls its `on_…` methods."""

    __slots__ = (
        "_begin",
        "_body",
        "_has_body",
        "_head",
        "_head_size",
        "_informational",
        "_is_http",
        "_known",
        "_most",
        "_parser",
        "_received",
        "_room",
        "broken",
        "headers",
        "is_complete",
        "is_cut",
        "is_known",
        "keeps_alive",
        "status",
    )

    def __init__(
        self,
        room: int = BODY_LIMIT,
        known: KnownAnswer | None = None,
        *,
        has_body: bool = True,
    ) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self.is_cut = False
        self.keeps_alive = False
        self.is_known = False
        self.broken = ""
        self._known = known if has_body else None
        self._has_body = has_body
        self._body: list[bytes] = []
        self._room = room
        self._received = 0
        self._parser: httptools.HttpResponseParser | None = None

    @property
    def is_decided(self) -> bool:
        """Return whether the final status is there, and nothing that matters may come."""
        return bool(self.status) and not self.broken

    @property
    def is_over(self) -> bool:
        """Return whether nothing more is to be waited for."""
        return self.is_complete or self.is_cut or bool(self.broken)

    @property
    def has_begun(self) -> bool:
        """Return whether any byte has come."""
        return self._received > 0

    @property
    def body(self) -> bytes:
        """Return the body as far as it was kept, exactly as it came."""
        return b"".join(self._body)

    def feed(self, data: bytes) -> bool:
        """Take in *data* and return whether nothing more is to be waited for."""
        known = self._known
        if known is not None and not self._received and known.begins(data, self._room):
            self._take(known, data)
            return True
        if self.is_over:
            return True
        if not self._received:
            self._begin_to_parse()
        if not self._is_http and not self._begins(data):
            self.broken = "it does not speak HTTP"
            return True
        self._received += len(data)
        if not self.status:
            self._head.append(data)
        self._parse(data)
        if not self.status and self._received > HEAD_LIMIT:
            self._give_up_head(f"its headers are longer than {HEAD_LIMIT} bytes")
        elif self.status and self._received > self._most:
            self.cut()
        return self.is_over

    def cut(self) -> None:
        """Take no more: what is not whole by now is cut."""
        self.is_cut = not self.is_complete

    def learned(self, data: bytes) -> KnownAnswer | None:
        """Return what to know of the answer, whose last piece was *data*, for those to come."""
        is_whole = self._received == len(data) and self._has_body and not self.is_known
        if not is_whole or not self.is_complete or not self.keeps_alive or self.is_cut:
            return None
        if self._informational:
            return None
        return known_answer.known(data, self.body, self.status, self.headers)

    def end(self) -> None:
        """Take in that the receiver will send no more.

        Only an answer with neither a length nor chunks ends that way (RFC 9112, 6.3).
        """
        if self.is_decided and not self.is_complete:
            framed = any(
                name.lower() in (b"content-length", b"transfer-encoding")
                for name, _ in self.headers
            )
            self.is_cut = framed
            self.is_complete = not framed

    def close(self) -> None:
        """Let go of the parser, which refers back to this answer."""
        self._parser = None

    def _take(self, known: KnownAnswer, data: bytes) -> None:
        """Be the answer that is *known*, with the body in *data*."""
        self.status, self.headers = known.status, known.headers
        self._received = len(data)
        self._body.append(data[len(known.head) :])
        self.is_complete = self.keeps_alive = self.is_known = True

    def _begin_to_parse(self) -> None:
        """Set what only an answer needs that is not known."""
        self._known = None
        self._begin = b""
        self._is_http = False
        self._most = HEAD_LIMIT + _AFTER_HEAD_FACTOR * self._room
        self._head: list[bytes] = []
        self._head_size = 0
        self._informational = 0
        self._parser = parser = httptools.HttpResponseParser(self)
        # RFC 9112, 2.2: a lone LF may end a line. A delivery that was taken but not
        # understood would be repeated for days.
        parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    def _begins(self, data: bytes) -> bool:
        """Return whether an answer may begin so; llhttp would take RTSP and ICE as well."""
        begin = data if data.startswith(_NAME) else (self._begin + data).lstrip(b"\r\n")
        self._begin = begin[: len(_NAME)]
        self._is_http = self._begin == _NAME
        return _NAME.startswith(self._begin)

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            return
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.broken = self.broken or "it switches protocols (101), which was not asked for"
        except httptools.HttpParserError as error:
            if not self.is_complete:
                self._break_off(f"it does not speak HTTP/1.1 properly: {error}")

    def _break_off(self, problem: str) -> None:
        """Note that what came cannot be understood: fatal only before the status line's end."""
        if self.status:
            self.is_cut = True
        else:
            self._give_up_head(problem)

    def _give_up_head(self, problem: str) -> None:
        """Judge by the final status line, where there is one; else the answer is broken.

        No header is kept: which ones the parser got to depends on how the bytes came.
        """
        if self.broken:
            return
        self.headers.clear()
        self.status = self._status_of_line()
        if self.status:
            self.is_cut = True
        else:
            self.broken = problem

    def _status_of_line(self) -> int:
        """Return the status of the final status line as far as it came; 0 where it has no end."""
        head, begin = b"".join(self._head), 0
        for _ in range(self._informational):
            end = _HEAD_END.search(head, begin)
            begin = end.end() if end else len(head)
        line = _STATUS_LINE.match(head, begin)
        return int(line[1]) if line else 0

    def on_message_begin(self) -> None:
        """Note that a second answer begins: a connection that holds one is not used again."""
        if self.is_complete:
            self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; not a trailer, and nothing of a second answer."""
        if not self.status:
            self._head_size += len(name) + len(value) + 4
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the final status; pass over 1xx, which the limit of the headers bounds."""
        parser = self._parser
        if self.status or self.broken or parser is None:
            return
        status = parser.get_status_code()
        if parser.get_http_version() not in ("1.1", "1.0"):
            self.broken = "it does not speak HTTP/1.1"
        elif self._head_size > HEAD_LIMIT:
            self._give_up_head(f"its headers are longer than {HEAD_LIMIT} bytes")
        elif status >= _FIRST_FINAL:
            self.status = status
            self._head.clear()
            self.is_complete = not self._has_body
        elif status == _SWITCHING_PROTOCOLS:
            self.broken = "it switches protocols (101), which was not asked for"
        elif status < _FIRST_INFORMATIONAL:
            self.broken = f"its status {status} is none"
        else:
            self._informational += 1
            self.headers.clear()

    def on_body(self, piece: bytes) -> None:
        """Keep what of *piece* there is room for."""
        if self.is_over:
            return
        room = self._room
        self._body.append(piece if len(piece) <= room else piece[:room])
        self._room = max(0, room - len(piece))
        self.is_cut = len(piece) > room

    def on_message_complete(self) -> None:
        """Note the end of the final answer, and whether the connection may be used again."""
        parser = self._parser
        if self.is_decided and not self.is_over and parser is not None:
            self.is_complete = True
            self.keeps_alive = parser.should_keep_alive()
