"""The files that TLS settings name: read once, checked, and named by a digest."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

from webhookd.config import bounded_read
from webhookd.model import Secret

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 4 * 1024 * 1024

ClientKey = Literal["client_cert_file", "client_key_file"]


class ClientComplaint(NamedTuple):
    """What is wrong with our own certificate, and which key of the configuration says it."""

    key: ClientKey
    message: str


@dataclass(frozen=True)
class TlsFiles:
    """Reads the files of TLS settings; many webhooks may name the same ones."""

    _authorities: dict[Path, tuple[str, str]] = field(default_factory=dict)
    _clients: dict[tuple[Path, Path | None], ClientComplaint | Secret] = field(
        default_factory=dict, repr=False
    )

    def authority_complaint(self, path: Path) -> str:
        """Return what is wrong with the file of authorities *path*, empty when nothing is."""
        return self._authority(path)[0]

    def authority_fingerprint(self, path: Path) -> str:
        """Return a digest of the content of the file of authorities *path*."""
        return self._authority(path)[1]

    def client_complaint(self, certificate: Path, key: Path | None) -> ClientComplaint | None:
        """Return what is wrong with a certificate of ours and its key."""
        found = self._client(certificate, key)
        return found if isinstance(found, ClientComplaint) else None

    def client_fingerprint(self, certificate: Path, key: Path | None) -> Secret | None:
        """Return a digest of a certificate of ours and its key: as secret as the key."""
        found = self._client(certificate, key)
        return found if isinstance(found, Secret) else None

    def _authority(self, path: Path) -> tuple[str, str]:
        if path not in self._authorities:
            self._authorities[path] = _check_authority(path)
        return self._authorities[path]

    def _client(self, certificate: Path, key: Path | None) -> ClientComplaint | Secret:
        if (certificate, key) not in self._clients:
            self._clients[certificate, key] = _check_client(certificate, key)
        return self._clients[certificate, key]


def _check_authority(path: Path) -> tuple[str, str]:
    try:
        content = bounded_read.read(path, largest=LARGEST)
    except bounded_read.UnreadableError as error:
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


def _check_client(certificate: Path, key: Path | None) -> ClientComplaint | Secret:
    """Return a digest of both files, or what is wrong with them."""
    digest = hashlib.sha256()
    wanted: tuple[tuple[ClientKey, Path, bytes, str], ...] = (
        ("client_cert_file", certificate, b"-----BEGIN CERTIFICATE-----", "certificate"),
        (_holder(key), key or certificate, b"PRIVATE KEY-----", "private key"),
    )
    for name, path, mark, noun in wanted:
        try:
            content = bounded_read.read(path, largest=LARGEST)
        except bounded_read.UnreadableError as error:
            return ClientComplaint(name, f"{path} cannot be read: {error}")
        if mark not in content:
            return ClientComplaint(name, f"{path} holds no {noun} in PEM form")
        digest.update(hashlib.sha256(content).digest())
    return _check_pair(certificate, key) or Secret(digest.hexdigest())


def _check_pair(certificate: Path, key: Path | None) -> ClientComplaint | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    name, path = _holder(key), key or certificate
    try:
        context.load_cert_chain(certificate, key, password=_refuse_to_ask)
    except _EncryptedKeyError:
        return ClientComplaint(
            name,
            f"the private key in {path} is encrypted; keep it unencrypted, "
            "in a file that only the daemon may read",
        )
    except ssl.SSLError as error:
        reason = error.reason or "unknown error"
        if reason == "KEY_VALUES_MISMATCH":
            return ClientComplaint(
                name, f"the private key in {path} does not belong to the certificate"
            )
        words = reason.replace("_", " ").lower()
        return ClientComplaint(name, f"certificate and private key cannot be used: {words}")
    except OSError as error:
        return ClientComplaint(name, f"{path} cannot be read: {bounded_read.reason(error)}")
    return None


def _holder(key: Path | None) -> ClientKey:
    return "client_cert_file" if key is None else "client_key_file"


class _EncryptedKeyError(Exception):
    """OpenSSL asks for a password."""


def _refuse_to_ask() -> NoReturn:
    # Without this, OpenSSL would ask on the terminal and wait.
    raise _EncryptedKeyError
