"""One request to a token server on a real socket, over the daemon's own transport."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode
from urllib.parse import quote_plus

import pytest
import trustme

from tests.making import LOOPBACK
from tests.receiver import Answer
from tests.token_server import TokenServer, basic, form, granting, saying
from webhookd.authentication import token_server
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.authentication.token_server import TokenClient
from webhookd.clock import SYSTEM
from webhookd.definitions import Basic, Egress, OAuth2, Proxy, Tls
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.rules.token_exchange import Grant, NoGrant
from webhookd.transport import Transport

SECRET = "s3cr%et+&=x: ü"


def asked(url, *, egress=LOOPBACK, proxy=None, tls=None, **settings):
    """Return what came of one token request."""

    async def ask():
        transport = Transport()
        try:
            client = TokenClient(
                OAuth2(url, settings.pop("client_id", "the erp&"), Secret(SECRET), **settings),
                tls or Tls(),
                proxy,
            )
            secrets = KnownSecrets()
            secrets.adopt(Redactor([Secret(SECRET)]))
            server = token_server.TokenServer(client, transport, lambda: egress, secrets, SYSTEM)
            return await server.ask()
        finally:
            await transport.aclose()

    return asyncio.run(ask())


def answered(answer, **settings):
    with TokenServer(lambda _: answer) as server:
        return asked(server.token_url, **settings)


def test_a_request_says_who_asks_and_for_what():
    with TokenServer() as server:
        found = asked(
            server.token_url + "?tenant=acme",
            scope="contacts.write deals.read",
            parameters=(("audience", "https://api.example.com"), ("resource", "a&b")),
        )
        (received,) = server.received

    assert found == Grant(Secret("token-1-of-the-server"), 3600.0)
    assert (received.method, received.target) == ("POST", "/oauth2/token?tenant=acme")
    assert received.headers["accept"] == "application/json"
    assert received.headers["content-type"] == "application/x-www-form-urlencoded"
    assert basic(received) == ("the erp&", SECRET)
    assert form(received) == {
        "grant_type": ["client_credentials"],
        "scope": ["contacts.write deals.read"],
        "audience": ["https://api.example.com"],
        "resource": ["a&b"],
    }


@pytest.mark.parametrize("client_id", ["the erp&", Secret("the erp&")], ids=["text", "secret"])
def test_id_and_secret_may_stand_in_the_form(client_id):
    with TokenServer() as server:
        asked(server.token_url, client_authentication="post", client_id=client_id)
        (received,) = server.received

    assert "authorization" not in received.headers
    assert form(received) == {
        "grant_type": ["client_credentials"],
        "client_id": ["the erp&"],
        "client_secret": [SECRET],
    }


@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        (Answer(500), "refused", "it answered 500"),
        (saying({"error": "invalid_client"}, 401), "refused", "invalid_client; check 'client_id'"),
        (Answer(302, {"location": "https://elsewhere.example/"}), "refused", "not followed"),
        (Answer(200, body=b"<html>log in</html>"), "unusable", "no JSON object"),
        (Answer(200, body=b" " * (65 << 10) + b"{}"), "unusable", "more than 64 KiB"),
        (granting("t", token_type="mac"), "unusable", "another type"),
        (saying({"token_type": "Bearer"}), "unusable", "no access_token"),
        (granting("a\r\nb"), "unusable", "a header cannot carry"),
        (Answer(204), "unusable", "no JSON object"),
    ],
)
def test_what_is_no_token_says_why(answer, failure, words):
    found = answered(answer)

    assert isinstance(found, NoGrant)
    assert found.failure == failure
    assert words in found.why


def test_a_redirect_is_not_followed():
    with TokenServer() as other, TokenServer() as server:
        server.script = lambda _: Answer(307, {"location": other.token_url})
        asked(server.token_url)

        assert len(server.received) == 1
        assert other.received == []


@pytest.mark.parametrize("before", range(180, 206))
@pytest.mark.parametrize("form", [SECRET, quote_plus(SECRET), SECRET.encode().hex()])
def test_no_part_of_a_secret_is_shown_that_a_server_repeats(before, form):
    told = {"error": "invalid_client", "error_description": "x" * before + form}

    found = answered(saying(told, 401))

    assert found.why.count("x") >= min(before, 200)
    assert form[:3] not in found.why.replace("invalid_client", "").replace("secret", "")


def test_another_refresh_token_is_told_and_not_shown():
    told = {"access_token": "t", "refresh_token": "refresh-token-2"}
    settings = {"grant": "refresh_token", "refresh_token": Secret("refresh-token-1")}

    assert "another refresh token" in answered(saying(told), **settings).why
    same = answered(saying(told | {"refresh_token": "refresh-token-1"}), **settings)
    assert same == Grant(Secret("t"), None)


def test_a_limit_says_for_how_long():
    found = answered(Answer(429, {"retry-after": "120"}))

    assert found.asked_wait == pytest.approx(120, abs=2)


@pytest.mark.parametrize("written", [0, -5, "soon", None])
def test_a_life_that_cannot_be_read_is_none(written):
    assert answered(granting("a-token", expires_in=written)) == Grant(Secret("a-token"), None)


def test_a_server_that_does_not_answer_costs_so_long_and_no_longer(monkeypatch):
    monkeypatch.setattr(token_server, "TIMEOUT", 0.2)

    found = answered(Answer(is_silent=True))

    assert found.failure == "unreachable"
    assert found.why.startswith("timeout: ")


def test_the_rules_of_egress_hold_for_token_servers():
    with TokenServer() as server:
        found = asked(server.token_url, egress=Egress())

        assert found.why.startswith("egress: ")
        assert server.received == []


def test_the_proxy_of_the_requests_is_asked_and_shown_the_password():
    with TokenServer() as proxy:
        found = asked(
            "http://login.example.invalid/token",
            proxy=Proxy(proxy.url, Basic("webhookd", Secret("the-proxy-password"))),
        )
        (received,) = proxy.received

    assert isinstance(found, Grant)
    assert received.target == "http://login.example.invalid/token"
    pair = b64decode(received.headers["proxy-authorization"].removeprefix("Basic "))
    assert pair == b"webhookd:the-proxy-password"
    assert basic(received) == ("the erp&", SECRET)


def test_nobody_there_is_told_by_host_and_port():
    with TokenServer() as server:
        url = server.token_url
    found = asked(url)

    assert found.failure == "unreachable"
    assert found.why.startswith("refused: 127.0.0.1:")
    assert "/oauth2" not in found.why


def test_a_certificate_that_does_not_verify_is_no_token_and_one_that_does_is(tmp_path):
    authority, path = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with TokenServer(tls=context) as server:
        refused = asked(server.token_url)
        trusted = asked(server.token_url, tls=Tls(ca_file=path, ca_fingerprint="one"))

    assert refused.why.startswith("tls: ")
    assert isinstance(trusted, Grant)
