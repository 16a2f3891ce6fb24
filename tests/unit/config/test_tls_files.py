"""A certificate of our own and its key: they belong together, and the key stays out of sight."""

from __future__ import annotations

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from webhookd.errors import ConfigError
from webhookd.rules import digests

BOTH = ", tls: {client_cert_file: client.pem, client_key_file: key.pem}}"


@pytest.fixture(scope="module")
def client():
    return trustme.CA().issue_cert("webhookd.example.com")


@pytest.fixture
def files(tmp_path, client):
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    client.private_key_pem.write_to_path(tmp_path / "key.pem")
    return tmp_path


@pytest.fixture
def hook(loaded, minimal):
    """Return what loads the smallest configuration with a `tls`: its plan and its webhook."""

    def load(tls: str = BOTH, *, offline: bool = False):
        definitions = loaded(minimal.replace('hook"}', f'hook"{tls}'), offline=offline).definitions
        return definitions, definitions.webhooks["hook"]

    return load


def problem(hook, tls: str = BOTH) -> str:
    with pytest.raises(ConfigError) as caught:
        hook(tls)
    (found,) = caught.value.problems
    return str(found)


def test_a_certificate_and_its_key_are_taken_from_the_folder_of_the_configuration(files, hook):
    tls = hook()[1].request.tls

    assert (tls.client_cert_file, tls.client_key_file) == (files / "client.pem", files / "key.pem")


def test_one_file_may_hold_certificate_and_key(files, client, hook):
    client.private_key_and_cert_chain_pem.write_to_path(files / "client.pem")

    tls = hook(", tls: {client_cert_file: client.pem}}")[1].request.tls

    assert tls.client_fingerprint is not None
    assert tls.client_key_file is None


def test_offline_no_file_is_looked_at(tmp_path, hook):
    tls = hook(offline=True)[1].request.tls

    assert tls.client_cert_file == tmp_path / "client.pem"
    assert tls.client_fingerprint is None


def test_a_key_of_another_certificate_is_refused(files, hook):
    trustme.CA().issue_cert("other.example").private_key_pem.write_to_path(files / "key.pem")

    message = problem(hook)

    assert "client_key_file: " in message
    assert "key.pem does not belong to the certificate" in message


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(files, client, hook):
    key = serialization.load_pem_private_key(client.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"CANARY"),
    )
    (files / "key.pem").write_bytes(encrypted)

    assert "key.pem is encrypted" in problem(hook)


def test_a_file_without_a_key_is_refused(files, hook):
    (files / "key.pem").write_bytes((files / "client.pem").read_bytes())

    assert "client_key_file: " in problem(hook)
    assert "key.pem holds no private key" in problem(hook)
    assert "client.pem holds no private key" in problem(
        hook, ", tls: {client_cert_file: client.pem}}"
    )


def test_a_damaged_key_is_refused(files, client, hook):
    lines = client.private_key_pem.bytes().splitlines(keepends=True)
    (files / "key.pem").write_bytes(b"".join([lines[0], *lines[2:]]))

    assert "cannot be used" in problem(hook)


def test_a_key_replaced_under_the_same_name_is_another_setting(files, hook):
    before, _ = hook()
    other = trustme.CA().issue_cert("webhookd.example.com")
    other.cert_chain_pems[0].write_to_path(files / "client.pem")
    other.private_key_pem.write_to_path(files / "key.pem")
    after, _ = hook()

    assert before != after
    assert before.hash == after.hash
    assert hook()[0] == after


def test_nothing_that_is_shown_follows_from_the_key_and_what_is_stored_needs_a_key_too(
    files, client, hook
):
    """Same files but the key: what is logged is the same, and the digest is an HMAC of it."""
    _, webhook = hook()
    (files / "key.pem").write_bytes(client.private_key_pem.bytes() + b"\n")
    _, after = hook()
    key, other = b"k" * 32, b"o" * 32

    assert webhook != after
    assert repr(webhook) == repr(after)
    kept = digests.target_digest(webhook.request, key)
    assert kept != digests.target_digest(after.request, key)
    assert kept != digests.target_digest(webhook.request, other)
