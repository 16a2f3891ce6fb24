"""HubSpot behind TLS: verified, and the token is shown to nobody who is not."""

import pytest
import trustme

from tests.daemon import until
from tests.fake_hubspot import Account, FakeHubspot


@pytest.fixture
def authority(daemon):
    made = trustme.CA()
    made.cert_pem.write_to_path(daemon.folder / "ca.pem")
    return made


@pytest.fixture
def crm(daemon, authority):
    """Return a fake behind TLS that a daemon is configured to poll."""
    file = daemon.folder / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    fake = FakeHubspot(Account({"contacts": {"email": "string"}}))
    fake.account.create("contacts", {"email": "a@x"})
    daemon.environment["CRM_TOKEN"] = "pat-token"
    with fake.serving(certificate=str(file)) as url:
        source = {
            "type": "hubspot",
            "base_url": url,
            "token": {"env": "CRM_TOKEN"},
            "poll_every": "300ms",
            "objects": {"contacts": {"properties": ["email"]}},
        }
        daemon.configure({}, sources={"crm": source})
        yield fake


def test_an_authority_that_the_process_trusts_is_enough(daemon, crm):
    daemon.environment["SSL_CERT_FILE"] = str(daemon.folder / "ca.pem")

    daemon.start()
    until(lambda: daemon.named("source.first_read_done"), "the first read")
    daemon.stop()

    assert daemon.named("source.first_read_done")[0]["read"] == 1
    assert daemon.named("source.poll_failed") == []


def test_one_that_it_does_not_trust_gets_no_request(daemon, crm):
    daemon.start()
    until(lambda: daemon.named("source.poll_failed"), "the failure")
    daemon.stop()

    (failed, *_) = daemon.named("source.poll_failed")
    assert "SSL_CERT_FILE" in failed["error"]
    assert "tls.ca_file" not in failed["error"]
    assert set(failed["requests"]) == {"tls"}
    assert crm.log == []
