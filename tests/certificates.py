"""Receivers over TLS, with certificates of a test's own authority."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    import trustme


def serving(authority: trustme.CA, *names: str, **dates: datetime) -> ssl.SSLContext:
    """Return a receiver's context with a certificate that *authority* issues for *names*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost", "127.0.0.1")), **dates).configure_cert(context)
    return context
