"""Where a request goes and under which settings: what two requests share to share a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from webhookd.transport.answer import BODY_LIMIT
from webhookd.transport.failure import SendError

if TYPE_CHECKING:
    import httpx

    from webhookd.definitions import Egress, Proxy, Tls

_DEFAULT_PORTS = {b"http": 80, b"https": 443}


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How one request is sent: `request.extensions["webhookd"]`.

    *timeout* is for the whole exchange, from the name's lookup to the answer's end;
    *connect_timeout*, within it, for the connection and its TLS handshake. Both in seconds. No
    *proxy*: the transport's own, if it has one. *answer_limit* is how many bytes of the answer's
    body are kept.
    """

    timeout: float
    connect_timeout: float
    tls: Tls
    egress: Egress
    proxy: Proxy | Literal["direct"] | None = None
    answer_limit: int = BODY_LIMIT


class Origin(NamedTuple):
    """The receiver's end of a connection. *tls* is None without encryption."""

    host: str
    port: int
    tls: Tls | None

    @property
    def name(self) -> str:
        """Return what people read in a failure's detail."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def certificate_name(self) -> str:
        """Return the host as a certificate has it: no zone id, no dot of the root."""
        return self.host.partition("%")[0].rstrip(".")


def origin_of(url: httpx.URL, tls: Tls) -> Origin:
    """Return where a request to *url* connects to, by *tls* where it is encrypted."""
    scheme = url.raw_scheme
    if scheme not in _DEFAULT_PORTS or not url.raw_host:
        raise SendError("protocol", "the URL must be http:// or https:// and name a host")
    return Origin(
        url.raw_host.decode("ascii"),
        url.port or _DEFAULT_PORTS[scheme],
        tls if scheme == b"https" else None,
    )
