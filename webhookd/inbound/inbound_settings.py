"""Where wakes come in: the settings of the process about it, checked together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.config import urls
from webhookd.config.settings.setting_names import variable
from webhookd.config.tls_files import TlsFiles
from webhookd.errors import ConfigError, Problem
from webhookd.inbound.served_certificate import ServedCertificate
from webhookd.listen_address import ListenAddress

if TYPE_CHECKING:
    from pathlib import Path

    from webhookd.client.admin_address import AdminAddress
    from webhookd.config.settings.process_settings import Settings

SETTING: Final = variable("inbound_address")
_URL, _CERTIFICATE, _KEY = (variable(f"inbound_{name}") for name in ("url", "tls_cert", "tls_key"))
_NO_TLS: Final = (
    f"others reach this address, and would see what a request carries: set {_CERTIFICATE} and"
    f" {_KEY}, or listen at 127.0.0.1:PORT or unix:PATH behind a proxy that ends TLS"
)


@dataclass(frozen=True, slots=True)
class InboundSettings:
    """Where wakes come in. *url* is what senders call it, if that is told; no slash at its end."""

    address: ListenAddress
    url: str | None = None
    certificate: ServedCertificate | None = None


def read(settings: Settings, admin: AdminAddress) -> InboundSettings | None:
    """Return where wakes come in, None where they do not; *admin* is the admin API's address.

    ConfigError where the settings do not go together.
    """
    if settings.inbound_address is None:
        return None
    address = ListenAddress.parse(settings.inbound_address, SETTING)
    if address.is_same(admin.path, admin.host, admin.port):
        raise _wrong(SETTING, "the admin API listens there; wakes need an address of their own")
    certificate = _certificate(settings.inbound_tls_cert, settings.inbound_tls_key)
    if certificate is None and not address.is_loopback:
        raise _wrong(SETTING, _NO_TLS)
    return InboundSettings(address, _public(settings.inbound_url), certificate)


def _certificate(certificate: Path | None, key: Path | None) -> ServedCertificate | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        lacking, other = (_CERTIFICATE, _KEY) if certificate is None else (_KEY, _CERTIFICATE)
        raise _wrong(lacking, f"is not set, but {other} is; they go together")
    complaint = TlsFiles().client_complaint(certificate, key)
    if complaint is not None:
        setting = _KEY if complaint.key == "client_key_file" else _CERTIFICATE
        raise _wrong(setting, complaint.message)
    return ServedCertificate(certificate, key)


def _public(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        urls.parse(url)
    except urls.UrlError as error:
        raise _wrong(_URL, str(error)) from None
    if "?" in url:
        raise _wrong(_URL, "it takes no query: /sources/NAME/wake is put behind it")
    return url.rstrip("/")


def _wrong(setting: str, told: str) -> ConfigError:
    return ConfigError([Problem(setting, 0, 0, "", told)])
