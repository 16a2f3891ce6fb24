"""One SSL context for each TLS setting: making one takes tens of milliseconds."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from typing import TYPE_CHECKING

from webhookd.transport.failure import SendError, words_of

if TYPE_CHECKING:
    from webhookd.definitions import Tls

MOST_CONTEXTS = 1024

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for.
_NO_CHECK_TIME = 0x200000


class Contexts:
    """Makes SSL contexts, in a thread, and keeps those used last."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[Tls, bool], ssl.SSLContext] = OrderedDict()
        self._making = asyncio.Lock()

    async def verifying(self, tls: Tls) -> ssl.SSLContext:
        """Return the context that sends under *tls*: authority, name and dates are verified."""
        return await self._context(tls, lenient=False)

    async def inspecting(self, tls: Tls) -> ssl.SSLContext:
        """Return a context that reads a certificate whose name or dates are wrong.

        The authority must still be right. Nothing is ever sent under it.
        """
        return await self._context(tls, lenient=True)

    async def _context(self, tls: Tls, *, lenient: bool) -> ssl.SSLContext:
        async with self._making:
            key = (tls, lenient)
            context = self._made.pop(key, None)
            if context is None:
                context = await asyncio.to_thread(_make, tls, lenient=lenient)
            self._made[key] = context
            if len(self._made) > MOST_CONTEXTS:
                self._made.popitem(last=False)
            return context


def _make(tls: Tls, *, lenient: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except ssl.SSLError:
        raise SendError("tls", f"tls.ca_file {tls.ca_file} holds no usable certificate") from None
    except OSError as error:
        raise SendError(
            "tls", f"tls.ca_file {tls.ca_file} cannot be read: {words_of(error)}"
        ) from None
    _show_certificate(context, tls)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if lenient:
        context.check_hostname = False
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _show_certificate(context: ssl.SSLContext, tls: Tls) -> None:
    """Let *context* show our own certificate to a receiver that asks for one."""
    if tls.client_cert_file is None:
        return
    # Some receivers ask only once they have read what is requested (RFC 8446, 4.6.2).
    context.post_handshake_auth = True
    try:
        # OpenSSL would ask for a password on the terminal, and wait.
        context.load_cert_chain(tls.client_cert_file, tls.client_key_file, password=lambda: "")
    except ssl.SSLError as error:
        words = (error.reason or "unknown error").replace("_", " ").lower()
        problem = f"tls.client_cert_file {tls.client_cert_file} cannot be used: {words}"
    except OSError as error:
        problem = f"tls.client_cert_file or tls.client_key_file cannot be read: {words_of(error)}"
    else:
        return
    raise SendError("tls", problem) from None
