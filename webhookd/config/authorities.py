"""Files of certificate authorities: read once, checked, and named by a digest."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhookd.config import files

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Authorities:
    """Reads PEM files of authorities; many webhooks may name the same one."""

    _checked: dict[Path, tuple[str, str]] = field(default_factory=dict)

    def complaint(self, path: Path) -> str:
        """Return what is wrong with the file *path*, empty when nothing is."""
        return self._check(path)[0]

    def fingerprint(self, path: Path) -> str:
        """Return a digest of the content of the file *path*."""
        return self._check(path)[1]

    def _check(self, path: Path) -> tuple[str, str]:
        if path not in self._checked:
            self._checked[path] = _check(path)
        return self._checked[path]


def _check(path: Path) -> tuple[str, str]:
    try:
        content = files.read(path, largest=LARGEST)
    except files.UnreadableError as error:
        return f"{path} cannot be read: {error}", ""
    if not _holds_certificates(content):
        return f"{path} holds no certificate in PEM form", ""
    return "", hashlib.sha256(content).hexdigest()


def _holds_certificates(content: bytes) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=content.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        return False
    return context.cert_store_stats()["x509"] > 0
