"""A request as the curl command that makes it: for a colleague, or a ticket."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from webhookd.definitions import DIRECT, Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.definitions import Tls
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.rules.redaction import Redactor
    from webhookd.transport import SendOptions


def curl_line(
    request: SignedRequest, options: SendOptions, proxy: Proxy | None, redactor: Redactor
) -> str:
    """Return *request* as a line for a shell, secrets as ***.

    *proxy* is the process's: what *options* say goes before it.
    """
    # Before they are quoted: a secret with a quote in it would not be found behind it.
    parts = ["curl", "-X", request.method]
    for name, value in request.headers:
        if name not in ("host", "content-length"):
            parts += ["-H", f"{name}: {redactor.text(value)}"]
    if request.body:
        parts += ["--data-binary", redactor.text(request.body.decode(errors="replace"))]
    parts += _limits(options)
    parts += [redactor.text(part) for part in _proxy(options.proxy or proxy)]
    if request.uri.startswith("https:"):
        parts += _tls(options.tls)
    return shlex.join([*parts, redactor.text(request.uri)])


def _limits(options: SendOptions) -> Iterator[str]:
    yield from ("--connect-timeout", f"{options.connect_timeout:g}")
    yield from ("--max-time", f"{options.timeout:g}")


def _proxy(proxy: Proxy | str | None) -> Iterator[str]:
    if isinstance(proxy, Proxy):
        yield from ("--proxy", proxy.url)
        if proxy.authentication is not None:
            yield from ("--proxy-user", f"{proxy.authentication.username}:***")
    elif proxy == DIRECT:
        yield from ("--noproxy", "*")


def _tls(tls: Tls) -> Iterator[str]:
    files = {
        "--cacert": tls.ca_file,
        "--cert": tls.client_cert_file,
        "--key": tls.client_key_file,
    }
    for option, file in files.items():
        if file is not None:
            yield from (option, str(file))
