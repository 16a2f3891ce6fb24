"""What is wrong with a receiver's TLS, in words that say what to do about it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from webhookd.transport.failure import SendError

Certificate: TypeAlias = Mapping[str, Any]
"""A certificate as `ssl.SSLObject.getpeercert` returns it; empty when there is none."""

# OpenSSL's verification results (openssl-verification-options(1), x509_vfy.h).
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_UNKNOWN_AUTHORITY = frozenset({2, 19, 20, 21})
_WRONG_NAME = frozenset({62, 64})

_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}
)
_TOO_OLD = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_SSL_VERSION",
        "NO_PROTOCOLS_AVAILABLE",
    }
)
_OURS_REFUSED = (
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_UNKNOWN",
    "ACCESS_DENIED",
)
_MOST_NAMES = 5


def explains_itself(error: ssl.SSLCertVerificationError) -> bool:
    """Return whether the certificate need not be looked at to explain *error*."""
    return error.verify_code not in {_EXPIRED, _NOT_YET_VALID, *_WRONG_NAME}


def from_verification(
    error: ssl.SSLCertVerificationError, name: str, certificate: Certificate, now: datetime
) -> SendError:
    """Return what *error* means for the receiver *name*, which presented *certificate*."""
    return SendError("tls", f"{name}: {_verdict(error, certificate, now)}")


def from_handshake(error: ssl.SSLError, name: str) -> SendError:
    """Return what *error* means, met in the handshake with the receiver *name*."""
    reason = error.reason or "unknown error"
    if reason in _NOT_TLS:
        return SendError("tls", f"{name} does not speak TLS on this port; is the URL's port right?")
    if reason in _TOO_OLD:
        return SendError("tls", f"{name} offers no TLS 1.2 or newer, and older is not used")
    words = reason.replace("_", " ").lower()
    return SendError("tls", f"the TLS handshake with {name} failed: {words}{_advice(reason)}")


def from_alert(error: ssl.SSLError, name: str) -> SendError:
    """Return what *error* means, met after the handshake with the receiver *name*.

    With TLS 1.3 a receiver can refuse our own certificate only then.
    """
    reason = error.reason or "unknown error"
    words = reason.replace("_", " ").lower()
    return SendError("tls", f"{name} ended TLS: {words}{_advice(reason)}")


def _advice(reason: str) -> str:
    """Return what to do about *reason*, where it is about a certificate of ours."""
    if "ALERT" not in reason:
        return ""
    if "CERTIFICATE_REQUIRED" in reason:
        return "; the receiver wants a certificate of ours: name it in tls.client_cert_file"
    if any(word in reason for word in _OURS_REFUSED):
        return "; the receiver does not accept the certificate in tls.client_cert_file"
    if "HANDSHAKE_FAILURE" in reason:
        return "; the receiver may want a certificate of ours: name it in tls.client_cert_file"
    return ""


def _verdict(error: ssl.SSLCertVerificationError, certificate: Certificate, now: datetime) -> str:
    code = error.verify_code
    if code == _SELF_SIGNED:
        return "its certificate is self-signed; to trust it, name a copy of it in tls.ca_file"
    if code in _UNKNOWN_AUTHORITY:
        return (
            "its certificate comes from an authority that is not trusted here; to trust it, "
            "name the authority's certificate in tls.ca_file"
        )
    if code == _EXPIRED:
        return _expired(_date(certificate, "notAfter"), now)
    if code == _NOT_YET_VALID:
        return _not_yet_valid(_date(certificate, "notBefore"), now)
    if code in _WRONG_NAME:
        return f"its certificate is for {_names(certificate)}, not for this host; is the URL right?"
    return f"its certificate does not verify: {error.verify_message}"


def _expired(date: datetime | None, now: datetime) -> str:
    if date is None or date > now:
        return "its certificate, or one of its authority, has expired; the receiver must renew it"
    return f"its certificate expired on {date:%Y-%m-%d %H:%M} UTC; the receiver must renew it"


def _not_yet_valid(date: datetime | None, now: datetime) -> str:
    if date is None or date < now:
        return "its certificate, or one of its authority, is not valid yet; is the clock right?"
    return f"its certificate is valid only from {date:%Y-%m-%d %H:%M} UTC; is the clock right?"


def _date(certificate: Certificate, key: str) -> datetime | None:
    text = certificate.get(key)
    return text and datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _names(certificate: Certificate) -> str:
    names = [name for _, name in certificate.get("subjectAltName", ())]
    if not names:
        return "other names"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
