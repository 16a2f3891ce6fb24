"""The certificate that senders of wakes are shown, renewed when its files are."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.config.tls_files import TlsFiles
from webhookd.operations.reloading.files_seen import FilesSeen
from webhookd.telemetry.events import InboundCertificateRead

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOOK_EVERY: Final = 60.0
"""Seconds between two looks at the files."""


class ServedCertificate:
    """A certificate and its key, in files that have been checked."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._seen = self._look()
        self._context = self._made()

    def context(self) -> ssl.SSLContext:
        """Return what connections that come now are served with."""
        return self._context

    def renew(self) -> InboundCertificateRead | None:
        """Take over files that are others by now; None where there is nothing new.

        Files that are wrong change nothing, and are told once. It reads disks.
        """
        if self._seen.look() == self._seen.stamps:
            return None
        self._seen = self._look()
        complaint = TlsFiles().client_complaint(self._certificate, self._key)
        if complaint is not None:
            return InboundCertificateRead(str(self._certificate), complaint.message)
        try:
            self._context = self._made()
        except OSError as error:
            # They were replaced between the look and this.
            return InboundCertificateRead(str(self._certificate), str(error.strerror))
        return InboundCertificateRead(str(self._certificate), None)

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._certificate, self._key)
        return context

    def _look(self) -> FilesSeen:
        """Return how the files look, which are read after this."""
        seen = FilesSeen()
        seen.note(self._certificate)
        seen.note(self._key)
        return seen


@asynccontextmanager
async def renewing(certificate: ServedCertificate | None) -> AsyncIterator[None]:
    """Take over a renewed *certificate* while the block runs."""
    if certificate is None:
        yield
        return
    looking = asyncio.create_task(_look(certificate))
    try:
        yield
    finally:
        looking.cancel()


async def _look(certificate: ServedCertificate) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        news = await asyncio.to_thread(certificate.renew)
        if news is not None:
            telemetry.report(news)
