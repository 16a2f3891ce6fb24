"""What went wrong on the way through a proxy, as a reason and a sentence."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from webhookd import clock
from webhookd.transport import certificates, failure
from webhookd.transport.failure import SendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.transport.origin import Origin, SendOptions


def of(
    error: httpx.TransportError, origin: Origin, proxy: Origin, options: SendOptions
) -> SendError:
    """Return what *error* means, met on the way to *origin* through *proxy*."""
    via = f"{origin.name} (through the proxy {proxy.name})"
    match error:
        case httpx.ProxyError():
            return _refused(str(error), origin, proxy)
        case httpx.ConnectTimeout():
            what = f"the proxy {proxy.name} did not connect to {origin.name}"
            return SendError("connect_timeout", f"{what} within {options.connect_timeout:g} s")
        case httpx.ConnectError():
            return _not_connected(error, origin, proxy)
        case httpx.RemoteProtocolError() if "disconnected" not in str(error):
            return SendError("protocol", f"{via} gave a broken answer: it is not HTTP/1.1")
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return SendError("internal", f"the request to {via} cannot be written")
        case _:
            return _lost(error, via)


def unauthenticated(origin: Origin, proxy: Origin) -> SendError:
    """Return what it means that *proxy* wants to know who asks."""
    return _refused("407", origin, proxy)


def _refused(answer: str, origin: Origin, proxy: Origin) -> SendError:
    hint = ""
    if answer.startswith("407"):
        hint = "; it wants a user name and a password: set proxy_authentication"
    elif answer.startswith("403"):
        hint = "; its own rules forbid it"
    # Its own words may be anything, so only the status is shown.
    status = answer.partition(" ")[0]
    what = f"the proxy {proxy.name} does not connect to {origin.name}: it answered {status}"
    return SendError("refused", what + hint)


def _not_connected(error: httpx.ConnectError, origin: Origin, proxy: Origin) -> SendError:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return certificates.from_verification(cause, origin.name, {}, clock.now())
            case ssl.SSLError():
                return certificates.from_handshake(cause, origin.name)
            case OSError() if cause.errno:
                return failure.from_connecting(cause, f"the proxy {proxy.name}")
            case _:
                pass
    what = f"the way to {origin.name} through the proxy {proxy.name} broke off"
    return SendError("reset", f"{what} before the request was sent")


def _lost(error: httpx.TransportError, via: str) -> SendError:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return certificates.from_alert(cause, via)
    return SendError("reset", f"{via} closed the connection without an answer")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what is behind *error*, the first of several that failed side by side."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inner = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = inner or cause.__cause__ or cause.__context__
