"""Whatever `check` accepts can be asked for: the libraries with the last word take it, too.

Each configuration that loads is made into the very objects that the daemon makes of it: requests
of webhooks (directly, and through a proxy), requests for tokens and to an API, and transports of
proxies.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.making import NOW, a_delivery
from webhookd.authentication.credentials import Fixed
from webhookd.authentication.keyring import Keyring
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.clock import Clock
from webhookd.config import loading, urls
from webhookd.definitions import Bearer, Definitions, HubspotSource, Proxy
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.sender import LocalSender
from webhookd.errors import ConfigError
from webhookd.model import Response
from webhookd.sources.hubspot.answers.api import BURST, Api
from webhookd.sources.polling.api_client import ApiClient
from webhookd.sources.polling.request_budget import Budgets
from webhookd.transport import payload, proxy_connections
from webhookd.transport.origin import Origin, origin_of

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = {"SECRET": "0123456789abcdef"}
CLOCK = Clock(now=lambda: NOW, monotonic=lambda: 0.0, dice=lambda: 0.0)
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

NUMBERS = st.sampled_from(["0", "1", "10", "030", "177", "255", "256", "999999999999", "0x7f", "a"])
ADDRESSES = st.lists(NUMBERS, min_size=1, max_size=5).map(".".join)
NAMES = st.text("ab0-_.x", min_size=1, max_size=12) | st.sampled_from(
    ["xn--mller-kva.example", "xn--a", "xn--", "a" * 63 + ".b", "localhost", "a" * 64]
)
IPV6 = st.text("0123456789abf:.%", max_size=20).map("[{}]".format) | st.sampled_from(
    ["[::1]", "[::ffff:10.0.0.1]", "[::ffff:10.0.0.01]", "[fe80::1%25eth0]", "[v1.a]"]
)
HOSTS = st.tuples(ADDRESSES | NAMES | IPV6, st.sampled_from(["", "."])).map("".join) | st.text(
    max_size=8
)
PORTS = st.sampled_from(["", ":", ":1", ":80", ":443", ":065535", ":65535", ":65536", ":0", ":a"])
TARGETS = st.sampled_from(["", "/", "/a//b", "//", "/%41%zz", "/a b", "/:@!$&'()*+,;=~", "/a/../b"])
QUERIES = st.sampled_from(["", "?", "?a=b&&c", "?a=b;c", "?%", "?[", "?a=/?:@", "#a"])
SCHEMES = st.sampled_from(["https://", "HTTPS://", "http://", "https:/", "ftp://", ""])
URLS = st.tuples(SCHEMES, HOSTS, PORTS, TARGETS, QUERIES).map("".join)


class _Recorded(httpx.AsyncBaseTransport):
    """Takes each request as the daemon's own transport would, up to the socket."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        options = request.extensions["webhookd"]
        assert payload.payload(request)
        origin = origin_of(request.url, options.tls)
        _takes(origin)
        # Through a proxy a name is asked for, and an IPv6 address is a failure of its own.
        if ":" not in origin.host:
            proxy_connections._inner(request, origin, options)
        self.requests.append(request)
        return httpx.Response(200, json={"results": [], "access_token": "given"})


def _takes(origin: Origin) -> None:
    assert origin.host.encode("ascii")
    if origin.tls is not None:
        TLS.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=origin.certificate_name)


async def _ask_all(definitions: Definitions) -> int:
    transport = _Recorded()
    for webhook in definitions.webhooks.values():
        keyring = Keyring(transport, lambda: definitions.egress, KnownSecrets(), None, clock=CLOCK)
        prepared = prepare(webhook, definitions.egress, credentials_of=keyring.of)
        authorization = await prepared.credentials.authorize(NOW)
        request = prepared.template.fill(a_delivery(), authorization, at=NOW)
        reply = await LocalSender(transport).send(request, prepared.options)
        assert isinstance(reply, Response)
        if isinstance(webhook.request.proxy, Proxy):
            _takes(proxy_connections._place(webhook.request.proxy))
            await proxy_connections._transport(webhook.request.proxy, None).aclose()
    for source in definitions.sources.values():
        if isinstance(source, HubspotSource):
            await _ask_api(source, transport)
    return len(transport.requests)


async def _ask_api(source: HubspotSource, transport: httpx.AsyncBaseTransport) -> None:
    client = ApiClient(
        source.base_url,
        Fixed(Bearer(source.token)),
        transport=transport,
        egress=lambda: None,  # type: ignore[arg-type, return-value]  # nothing is connected to
        budget=Budgets(clock=CLOCK).of(source.base_url, source.token, BURST),
        clock=CLOCK,
        count=lambda _: None,
    )
    for read in source.objects:
        await Api(source, read.name, client).page({"limit": "1"})
        await Api(source, read.name, client).read(["1"], ["email"])


def _document(url: str, proxy: str, base_url: str, token_url: str) -> dict[str, Any]:
    authentication = {
        "type": "oauth2",
        "token_url": token_url,
        "client_id": "erp",
        "client_secret": {"env": "SECRET"},
    }
    request: dict[str, Any] = {"url": url, "allow_http": True, "authentication": authentication}
    if proxy:
        request["proxy"] = proxy
    return {
        "version": 1,
        "sources": {
            "hs": {
                "type": "hubspot",
                "base_url": base_url,
                "token": {"env": "SECRET"},
                "objects": {"contacts": {"properties": ["email"]}},
            }
        },
        "webhooks": {"hook": {"source": "hs", "object": "contacts", "request": request}},
    }


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("accepted") / "config.yaml"


FINE = "https://example.com"
PROXIES = URLS | st.tuples(HOSTS, PORTS).map("".join).map("http://{}".format)


@settings(max_examples=200)
@given(
    st.tuples(URLS, st.just(""), st.just(FINE), st.just(FINE))
    | st.tuples(st.just(FINE), st.just(""), URLS, st.just(FINE))
    | st.tuples(st.just(FINE), st.just(""), st.just(FINE), URLS)
    | st.tuples(
        st.just(FINE),
        URLS | st.tuples(HOSTS, PORTS).map("".join).map("http://{}".format),
        st.just(FINE),
        st.just(FINE),
    )
)
def test_whatever_loads_is_a_request_that_can_be_made(file, written):
    file.write_text(json.dumps(_document(*written)))
    try:
        loaded = loading.load(file, environment=ENVIRONMENT)
    except ConfigError:
        event("refused")
        return
    event("accepted")

    assert asyncio.run(_ask_all(loaded.definitions)) == 4


@given(PROXIES)
def test_whatever_proxy_the_process_takes_can_be_made(url):
    with suppress(urls.UrlError):
        urls.parse_proxy(url)
        asyncio.run(proxy_connections._transport(Proxy(url), None).aclose())


@pytest.mark.parametrize(
    "host", ["10.20.030.4", "0177.0.0.1", "256.256.256.256", "1.2.3.04.", "00.0.0.0", "1.2.3.4444"]
)
def test_four_numbers_are_an_address_or_refused(host):
    for parse, url in ((urls.parse, f"https://{host}/"), (urls.parse_proxy, f"http://{host}:1")):
        with pytest.raises(urls.UrlError, match="not an IPv4 address"):
            parse(url)
