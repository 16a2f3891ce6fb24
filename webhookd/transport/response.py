"""The answer to a request, as httpx's response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence


class ReceivedResponse(httpx.Response):
    """A response whose body is all here, exactly as it came.

    httpx's own would unpack a body that calls itself gzip, and takes longer to hand out two
    bytes than sending the request did.
    """

    def __init__(
        self,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        request: httpx.Request,
        *,
        is_cut: bool,
    ) -> None:
        self._body = body
        super().__init__(
            status,
            headers=headers,
            stream=httpx.ByteStream(body),
            request=request,
            extensions={"answer_cut": is_cut},
        )

    @property
    def content(self) -> bytes:
        """Return the body, at most 64 KiB of it."""
        return self._body

    def read(self) -> bytes:
        """Return the body, which has long been read."""
        return self._body

    async def aread(self) -> bytes:
        """Return the body, which has long been read."""
        return self._body
