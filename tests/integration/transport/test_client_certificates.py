"""Certificates of our own, for receivers that ask who we are."""

from __future__ import annotations

import asyncio
import select
import shutil
import socket
import ssl
from contextlib import suppress

import pytest
import trustme

from tests.integration.transport.scripted import OK, Peer, Receiver, answering, failure, send
from webhookd.definitions import Tls
from webhookd.model import Secret


@pytest.fixture(scope="module")
def folder(authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, issuer in (("known", authority), ("unknown", trustme.CA())):
        ours = issuer.issue_cert(f"{name}.webhookd.example")
        ours.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        ours.private_key_pem.write_to_path(folder / f"{name}-key.pem")
        ours.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}-both.pem")
    return folder


def showing(folder, name: str) -> Tls:
    return Tls(
        folder / "ca.pem", "1", folder / f"{name}.pem", folder / f"{name}-key.pem", Secret(name)
    )


def asking(authority: trustme.CA, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3):
    """Return a receiver's context that refuses whoever shows no certificate of *authority*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version
    return context


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@VERSIONS
async def test_the_receiver_sees_our_certificate(transport, authority, folder, version):
    seen = []

    async def script(peer: Peer) -> None:
        while await peer.request():
            seen.append(peer.writer.get_extra_info("peercert"))
            await peer.say(OK)

    async with Receiver(script, tls=asking(authority, version)) as receiver:
        for _ in range(2):
            await send(transport, receiver.url("localhost"), tls=showing(folder, "known"))

        assert receiver.accepted == 1
    assert ("DNS", "known.webhookd.example") in seen[0]["subjectAltName"]


async def test_one_file_may_hold_certificate_and_key(transport, authority, folder):
    tls = Tls(folder / "ca.pem", "1", folder / "known-both.pem")
    async with Receiver(answering(OK), tls=asking(authority)) as receiver:
        assert (await send(transport, receiver.url("localhost"), tls=tls)).content == b"ok"


@VERSIONS
async def test_no_certificate_where_one_is_asked_for_is_a_failure_and_never_a_delivery(
    transport, authority, folder, version
):
    async with Receiver(answering(OK), tls=asking(authority, version)) as receiver:
        error = await failure(transport, receiver.url("localhost"), tls=Tls(folder / "ca.pem", "1"))

    # asyncio's server hangs up without an alert, where others say what they want.
    assert error.reason in {"tls", "reset"}


@VERSIONS
async def test_a_certificate_that_the_receiver_does_not_know_is_a_failure(
    transport, authority, folder, version
):
    async with Receiver(answering(OK), tls=asking(authority, version)) as receiver:
        error = await failure(transport, receiver.url("localhost"), tls=showing(folder, "unknown"))

    assert error.reason in {"tls", "reset"}


async def test_another_certificate_of_ours_never_uses_an_old_connection(
    transport, authority, folder
):
    context = asking(authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    async with Receiver(answering(OK), tls=context) as receiver:
        url = receiver.url("localhost")
        await send(transport, url, tls=showing(folder, "known"))
        await send(transport, url, tls=Tls(folder / "ca.pem", "1"))
        assert receiver.accepted == 2


async def test_a_key_replaced_under_the_same_name_is_used_once_its_digest_says_so(
    transport, authority, folder, tmp_path
):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    context = asking(authority)
    async with Receiver(answering(OK), tls=context) as receiver:
        url = receiver.url("localhost")
        for suffix in (".pem", "-key.pem"):
            shutil.copy(tmp_path / f"unknown{suffix}", tmp_path / f"ours{suffix}")
        before = showing(tmp_path, "ours")
        assert (await failure(transport, url, tls=before)).reason in {"tls", "reset"}

        for suffix in (".pem", "-key.pem"):
            shutil.copy(tmp_path / f"known{suffix}", tmp_path / f"ours{suffix}")
        after = Tls(*(getattr(before, name) for name in list(Tls.__slots__)[:4]), Secret("new"))
        assert (await send(transport, url, tls=after)).content == b"ok"


async def test_files_that_vanished_or_do_not_fit_are_named_and_looked_for_again(
    transport, authority, folder, tmp_path
):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    tls = showing(tmp_path, "known")
    async with Receiver(answering(OK), tls=asking(authority)) as receiver:
        url = receiver.url("localhost")
        (tmp_path / "known-key.pem").unlink()
        error = await failure(transport, url, tls=tls)
        assert error.reason == "tls"
        assert "tls.client_key_file cannot be read" in error.detail

        shutil.copy(folder / "unknown-key.pem", tmp_path / "known-key.pem")
        error = await failure(transport, url, tls=tls)
        assert "tls.client_cert_file" in error.detail
        assert "key values mismatch" in error.detail

        shutil.copy(folder / "known-key.pem", tmp_path / "known-key.pem")
        assert (await send(transport, url, tls=tls)).content == b"ok"


def asking_late(context: ssl.SSLContext, server: socket.socket) -> dict:
    """Take one request, ask for a certificate only then, answer, and return the certificate."""
    accepted, _ = server.accept()
    with context.wrap_socket(accepted, server_side=True) as peer:
        peer.settimeout(30)
        peer.recv(65536)
        peer.verify_client_post_handshake()
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.setblocking(False)
        # What our side sends is read while something, anything, is read.
        while not peer.getpeercert() and select.select([peer], [], [], 30)[0]:
            with suppress(ssl.SSLWantReadError):
                peer.recv(1)
        peer.setblocking(True)
        peer.sendall(OK)
        return peer.getpeercert()


async def test_a_receiver_may_ask_for_it_after_the_handshake(transport, authority, folder):
    """As some do for one path of many; asyncio's servers cannot, so this one has a thread."""
    context = asking(authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.post_handshake_auth = True
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        serving = asyncio.create_task(asyncio.to_thread(asking_late, context, server))
        url = f"https://localhost:{server.getsockname()[1]}/"
        response = await send(
            transport, url, tls=showing(folder, "known"), timeout=30, connect_timeout=30
        )
        seen = await serving

    assert response.content == b"ok"
    assert ("DNS", "known.webhookd.example") in seen["subjectAltName"]
