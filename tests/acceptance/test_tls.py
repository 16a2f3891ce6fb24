"""HTTPS to a real receiver with a CA of its own, and what an operator reads when it fails."""

import hashlib
import ssl
from datetime import UTC, datetime

import pytest
import trustme

from tests.certificates import serving
from tests.daemon import until
from tests.receiver import Receiver


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def attempt(daemon, receiver, **tls):
    """Return the delivery after one attempt at *receiver*."""
    request = {"url": receiver.url} | ({"tls": tls} if tls else {})
    hook = {"source": "export", "object": "contacts", "request": request}
    daemon.configure({"mirror": hook})
    daemon.start()
    daemon.drop_rows("1.ndjson", {"id": 1})
    until(lambda: daemon.named("delivery.attempted"), "an attempt")
    daemon.stop()
    (delivery,) = daemon.deliveries()
    return delivery


def test_a_receiver_with_a_ca_of_its_own_is_reached(daemon, authority):
    authority.cert_pem.write_to_path(daemon.folder / "ca.pem")
    with Receiver(tls=serving(authority, "127.0.0.1")) as receiver:
        delivery = attempt(daemon, receiver, ca_file="ca.pem")

    assert delivery["state"] == "delivered"
    assert len(receiver.received) == 1


def test_a_receiver_that_asks_who_we_are_is_shown_our_certificate(daemon, authority):
    authority.cert_pem.write_to_path(daemon.folder / "ca.pem")
    ours = authority.issue_cert("webhookd.example.com")
    ours.cert_chain_pems[0].write_to_path(daemon.folder / "client.pem")
    ours.private_key_pem.write_to_path(daemon.folder / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with Receiver(tls=context) as receiver:
        files = {"client_cert_file": "client.pem", "client_key_file": "key.pem"}
        delivery = attempt(daemon, receiver, ca_file="ca.pem", **files)

    assert delivery["state"] == "delivered"
    key = (daemon.folder / "key.pem").read_bytes()
    digest = hashlib.sha256(hashlib.sha256(key).digest()).hexdigest()
    written = daemon.log.encode() + b"".join(
        path.read_bytes() for path in daemon.state.rglob("*") if path.is_file()
    )
    assert digest.encode() not in written
    assert hashlib.sha256(key).hexdigest().encode() not in written


def test_an_unknown_ca_is_refused_and_the_setting_named(daemon, authority):
    with Receiver(tls=serving(authority, "127.0.0.1")) as receiver:
        delivery = attempt(daemon, receiver)

    assert delivery["state"] == "pending"
    assert delivery["last_error"].startswith("tls: ")
    assert "tls.ca_file" in delivery["last_error"]
    assert not receiver.received


def test_a_certificate_of_another_host_is_refused_and_its_names_told(daemon, authority):
    authority.cert_pem.write_to_path(daemon.folder / "ca.pem")
    with Receiver(tls=serving(authority, "elsewhere.example")) as receiver:
        delivery = attempt(daemon, receiver, ca_file="ca.pem")

    assert delivery["last_error"].startswith("tls: ")
    assert "elsewhere.example" in delivery["last_error"]
    assert not receiver.received


def test_an_expired_certificate_is_refused_and_its_date_told(daemon, authority):
    authority.cert_pem.write_to_path(daemon.folder / "ca.pem")
    expired = datetime(2024, 5, 6, tzinfo=UTC)
    with Receiver(tls=serving(authority, "127.0.0.1", not_after=expired)) as receiver:
        delivery = attempt(daemon, receiver, ca_file="ca.pem")

    assert delivery["last_error"].startswith("tls: ")
    assert "expired" in delivery["last_error"]
    assert "2024-05-06" in delivery["last_error"]
    assert not receiver.received


def test_a_corrected_authority_and_certificate_make_what_waits_due_at_once(daemon, authority):
    """Both under the names that they had: what a file holds is part of the setting."""
    trustme.CA().cert_pem.write_to_path(daemon.folder / "ca.pem")
    stranger = trustme.CA().issue_cert("webhookd.example.com")
    ours = authority.issue_cert("webhookd.example.com")
    ask_who = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ask_who)
    authority.configure_trust(ask_who)
    ask_who.verify_mode = ssl.CERT_REQUIRED
    stranger.private_key_and_cert_chain_pem.write_to_path(daemon.folder / "client.pem")

    def attempts(count):
        until(lambda: len(daemon.named("delivery.attempted")) == count, f"{count} attempts", 10)
        return daemon.named("delivery.attempted")[-1]["outcome"]

    with Receiver(tls=ask_who) as receiver:
        request = {"url": receiver.url}
        request["tls"] = {"ca_file": "ca.pem", "client_cert_file": "client.pem"}
        daemon.configure({"mirror": {"source": "export", "object": "contacts", "request": request}})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        outcomes = [attempts(1)]
        authority.cert_pem.write_to_path(daemon.folder / "ca.pem")
        assert daemon.reload()["event"] == "config.reloaded"
        outcomes.append(attempts(2))
        ours.private_key_and_cert_chain_pem.write_to_path(daemon.folder / "client.pem")
        assert daemon.reload()["event"] == "config.reloaded"
        outcomes.append(attempts(3))
        daemon.stop()

    assert outcomes == ["retry", "retry", "delivered"]
    assert len(receiver.received) == 1
