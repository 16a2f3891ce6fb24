"""A request made for sending once: httpx's, without what only its client needs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PreparedRequest(httpx.Request):
    """A request of parts that are as they go out.

    httpx's own copies and normalises each of them, which takes longer than writing them. Its
    headers are made so when somebody looks at them.
    """

    def __init__(
        self,
        method: str,
        url: httpx.URL,
        raw_headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        extensions: Mapping[str, Any],
    ) -> None:
        self.method = method
        self.url = url
        self.raw_headers = raw_headers
        self.stream = httpx.ByteStream(body)
        self.extensions = dict(extensions)

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]  # set by httpx's own only
        """Return the headers as httpx has them."""
        return httpx.Headers(self.raw_headers)
