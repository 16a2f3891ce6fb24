"""TLS: the files it names can be read and hold what they should."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the certificates that *webhook* trusts and shows."""
    request = webhook.at("request")
    tls = request.at("tls")
    if tls.mapping() and (request.text("url") or "").lower().startswith("http://"):
        yield tls.problem("a plain http URL uses no TLS; use https, or leave 'tls' out")
    authorities = _path(tls, "ca_file")
    if authorities and not context.offline:
        complaint = context.tls_files.authority_complaint(authorities)
        if complaint:
            yield tls.problem(complaint, "ca_file")
    yield from _client(tls, context)


def _client(tls: Node, context: Context) -> Iterator[Problem]:
    certificate, key = _path(tls, "client_cert_file"), _path(tls, "client_key_file")
    if certificate is None:
        if key is not None and not tls.is_there("client_cert_file"):
            message = "there is no client_cert_file that this key belongs to"
            yield tls.problem(message, "client_key_file", at_key=True)
        return
    is_right = key is not None or not tls.is_there("client_key_file")
    if is_right and not context.offline:
        found = context.tls_files.client_complaint(certificate, key)
        if found:
            yield tls.problem(found.message, found.key)


def _path(tls: Node, key: str) -> Path | None:
    written = tls.text(key)
    return tls.folder / written if written and paths.why_wrong(written) is None else None
