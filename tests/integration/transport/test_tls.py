"""TLS against real servers with certificates of an authority of our own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.certificates import serving
from tests.integration.transport.scripted import (
    OK,
    Peer,
    Receiver,
    a_tls,
    answering,
    closing,
    eventually,
    failure,
    resetting,
    send,
    until_closed,
)
from webhookd.definitions import Tls

DAY = timedelta(days=1)


@contextmanager
def thorough(context: ssl.SSLContext):
    """Serve TLS from a thread: asyncio's servers leave out the alerts that say what is wrong."""

    def serve() -> None:
        accepted, _ = server.accept()
        shaking = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        with shaking, suppress(OSError):
            with suppress(ssl.SSLError):
                shaking.do_handshake()
            # What is left unread would become an RST, which may overtake the alert.
            socket.socket.shutdown(shaking, socket.SHUT_WR)
            while socket.socket.recv(shaking, 65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        serving = threading.Thread(target=serve)
        serving.start()
        yield server.getsockname()[1]
        serving.join()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
async def test_a_certificate_of_a_named_authority_is_trusted(transport, authority, trusted, host):
    async with Receiver(answering(OK), tls=serving(authority)) as receiver:
        for _ in range(3):
            assert (await send(transport, receiver.url(host), tls=trusted)).content == b"ok"

        assert receiver.accepted == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(transport, authority, trusted, version):
    context = serving(authority)
    context.minimum_version = context.maximum_version = version
    async with Receiver(answering(OK), tls=context) as receiver:
        for _ in range(2):
            assert (await send(transport, receiver.url("localhost"), tls=trusted)).content == b"ok"


async def test_an_unknown_authority_is_refused_and_the_way_out_named(transport, authority):
    async with Receiver(answering(OK), tls=serving(authority)) as receiver:
        error = await failure(transport, receiver.url("localhost"))

        assert error.reason == "tls"
        assert "authority that is not trusted" in error.detail
        assert "tls.ca_file" in error.detail
        assert f"localhost:{receiver.port}" in error.detail


async def test_a_self_signed_certificate_is_refused_and_the_way_out_named(transport, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - DAY)
        .not_valid_after(datetime.now(UTC) + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "own.pem"
    written = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + written)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    async with Receiver(answering(OK), tls=context) as receiver:
        error = await failure(transport, receiver.url("localhost"))
        assert error.reason == "tls"
        assert "self-signed" in error.detail
        assert "tls.ca_file" in error.detail

        assert await send(transport, receiver.url("localhost"), tls=a_tls(path))


async def test_another_authority_than_the_named_one_is_refused(transport, trusted):
    async with Receiver(answering(OK), tls=serving(trustme.CA())) as receiver:
        assert (await failure(transport, receiver.url("localhost"), tls=trusted)).reason == "tls"


async def test_a_certificate_for_another_host_is_refused_and_its_names_shown(
    transport, authority, trusted
):
    context = serving(authority, "erp.example.com", "*.example.org", "10.0.0.1")
    async with Receiver(answering(OK), tls=context) as receiver:
        for host in ("localhost", "127.0.0.1"):
            error = await failure(transport, receiver.url(host), tls=trusted)

            assert error.reason == "tls"
            assert "erp.example.com, *.example.org, 10.0.0.1" in error.detail


async def test_an_expired_certificate_is_refused_and_its_date_shown(transport, authority, trusted):
    end = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    context = serving(authority, not_before=end - DAY, not_after=end)
    async with Receiver(answering(OK), tls=context) as receiver:
        error = await failure(transport, receiver.url("localhost"), tls=trusted)

    assert error.reason == "tls"
    assert "expired on 2024-02-29 12:30 UTC" in error.detail


async def test_a_certificate_of_the_future_is_refused_and_its_date_shown(
    transport, authority, trusted
):
    begin = datetime(2999, 1, 1, tzinfo=UTC)
    context = serving(authority, not_before=begin, not_after=begin + DAY)
    async with Receiver(answering(OK), tls=context) as receiver:
        error = await failure(transport, receiver.url("localhost"), tls=trusted)

    assert "valid only from 2999-01-01" in error.detail


async def test_no_request_is_sent_to_a_receiver_that_is_not_trusted(transport, authority, trusted):
    got = []

    async def script(peer: Peer) -> None:
        got.append(await peer.request())

    end = datetime(2024, 2, 29, tzinfo=UTC)
    context = serving(authority, not_before=end - DAY, not_after=end)
    async with Receiver(script, tls=context) as receiver:
        await failure(transport, receiver.url("localhost"), tls=trusted)
        await asyncio.sleep(0.02)

    assert not any(got)


async def test_an_authority_file_that_cannot_be_read_is_named(transport, authority, tmp_path):
    missing, broken = tmp_path / "missing.pem", tmp_path / "broken.pem"
    broken.write_text("no certificate")
    async with Receiver(answering(OK), tls=serving(authority)) as receiver:
        for path in (missing, broken):
            error = await failure(transport, receiver.url("localhost"), tls=Tls(ca_file=path))
            assert error.reason == "tls"
            assert f"tls.ca_file {path}" in error.detail

        authority.cert_pem.write_to_path(missing)
        assert await send(transport, receiver.url("localhost"), tls=Tls(ca_file=missing))


async def test_other_tls_settings_never_use_an_old_connection(
    transport, authority, trusted, tmp_path
):
    bundle = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(bundle)
    trustme.CA().cert_pem.write_to_path(bundle, append=True)
    async with Receiver(answering(OK), tls=serving(authority)) as receiver:
        await send(transport, receiver.url("localhost"), tls=trusted)
        await send(transport, receiver.url("localhost"), tls=a_tls(bundle))
        assert receiver.accepted == 2

        assert (await failure(transport, receiver.url("localhost"))).reason == "tls"


async def test_the_name_is_sent_in_the_handshake(transport, authority, trusted):
    asked = []
    context = serving(authority)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with Receiver(answering(OK), tls=context) as receiver:
        await send(transport, receiver.url("localhost"), tls=trusted)

    assert asked == ["localhost"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_receiver_that_has_only_old_tls_is_refused(transport, authority, trusted):
    context = serving(authority)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with thorough(context) as port:
        error = await failure(transport, f"https://localhost:{port}/", tls=trusted)

    assert error.reason == "tls"
    assert "TLS 1.2" in error.detail


async def test_plain_http_on_a_tls_port_is_said_to_be_no_tls(transport, trusted):
    async def plain(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await peer.until_closed()

    async with Receiver(plain) as receiver:
        url = receiver.url("localhost").replace("http:", "https:")
        error = await failure(transport, url, tls=trusted)

    assert error.reason == "tls"
    assert "does not speak TLS" in error.detail


async def test_a_handshake_that_goes_silent_is_over_after_the_connect_timeout(transport, trusted):
    started = time.monotonic()
    async with Receiver(until_closed) as receiver:
        url = receiver.url("localhost").replace("http:", "https:")
        error = await failure(transport, url, tls=trusted, timeout=30, connect_timeout=0.2)

    assert time.monotonic() - started < 10
    assert error.reason == "connect_timeout"
    assert "TLS handshake" in error.detail


@pytest.mark.parametrize("end", [closing, resetting], ids=["FIN", "RST"])
async def test_a_handshake_that_is_broken_off_is_a_failure(transport, trusted, end):
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await end(peer)

    async with Receiver(script) as receiver:
        url = receiver.url("localhost").replace("http:", "https:")
        error = await failure(transport, url, tls=trusted)

    assert error.reason in {"tls", "reset"}
    assert "handshake" in error.detail


@contextmanager
def hanging_up(linger: bytes):
    """Accept and close from a thread: some connections are gone before a handshake begins."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                accepted, _ = server.accept()
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                accepted.close()

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("linger", [0, 1], ids=["FIN", "RST"])
async def test_a_receiver_that_hangs_up_before_the_handshake_is_a_failure(
    transport, trusted, linger
):
    started = time.monotonic()
    with hanging_up(struct.pack("ii", linger, 0)) as port:
        url = f"https://localhost:{port}/"
        errors = await asyncio.gather(
            *(failure(transport, url, tls=trusted, timeout=30) for _ in range(200))
        )

    assert {error.reason for error in errors} <= {"tls", "reset"}
    assert time.monotonic() - started < 10


async def test_a_receiver_that_wants_a_certificate_of_ours_is_a_tls_failure(
    transport, authority, trusted
):
    context = serving(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with thorough(context) as port:
        error = await failure(transport, f"https://localhost:{port}/", tls=trusted)

    assert error.reason == "tls"
    assert "certificate required" in error.detail
    assert "name it in tls.client_cert_file" in error.detail


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_cancelling_at_any_moment_leaves_nothing(transport, authority, trusted, turns):
    async with Receiver(answering(OK), tls=serving(authority)) as receiver:
        sending = asyncio.create_task(send(transport, receiver.url("localhost"), tls=trusted))
        for _ in range(turns):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_a_receiver_that_dies_over_tls_is_a_reset(transport, authority, trusted):
    async with Receiver(answering(b"", then=closing), tls=serving(authority)) as receiver:
        error = await failure(transport, receiver.url("localhost"), tls=trusted)

    assert error.reason == "reset"


async def test_a_silent_receiver_over_tls_times_out_and_is_closed(transport, authority, trusted):
    async with Receiver(until_closed, tls=serving(authority)) as receiver:
        error = await failure(transport, receiver.url("localhost"), tls=trusted, timeout=0.5)

        assert error.reason == "timeout"
        await eventually(lambda: not transport._pool._all)
