"""What the quick way signs and sends is what the straightforward one would: `straight_requests`."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import get_args

import httpx
from hypothesis import given
from hypothesis import strategies as st

from tests import straight_requests
from tests.making import a_delivery
from webhookd.authentication.credentials import Authorization, Fixed
from webhookd.config.templates.live_templates import live_templates
from webhookd.definitions import (
    PLAIN,
    ApiKey,
    Basic,
    Bearer,
    Body,
    BodyFormat,
    Hmac,
    Request,
    Scheme,
    Signature,
    Webhook,
)
from webhookd.definitions.requests import ChosenProperty, Method
from webhookd.delivery.signed_request import RequestTemplate
from webhookd.model import Change, ChangeKind, Secret
from webhookd.rules.render import render
from webhookd.transport import PreparedRequest
from webhookd.transport.payload import payload

SECRETS = {"path": Secret("T0/x+y"), "key": Secret("k&=?/ ;1")}
TEXTS = st.text("ab;%&= ü", max_size=6)
KEYS = st.binary(min_size=24, max_size=64).map(
    lambda key: Secret("whsec_" + base64.b64encode(key).decode())
)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone stands beside them
SIGNED = ["{{ body }}", "v0:{{ timestamp }}:{{ body }}:{{ id }}", "{{ method }}{{ url }}{{ body }}"]
HMACS = st.builds(
    Hmac,
    header=st.just("X-Sign"),
    algorithm=st.sampled_from(["sha1", "sha256", "sha512"]),
    encoding=st.sampled_from(["hex", "base64"]),
    signs=st.sampled_from([*SIGNED, "{{ timestamp_ms }}", "ü{{ body }}{{ body }}"]),
    value=st.sampled_from(["{{ signature }}", "t={{ timestamp_ms }},{{ id }},v={{ signature }}"]),
)
SIGNATURES = st.builds(
    lambda scheme, secret, previous, form: Signature(
        "1", scheme, secret, tuple(previous), form if scheme is Scheme.HMAC else None
    ),
    st.sampled_from(Scheme),
    KEYS,
    st.lists(KEYS, max_size=2),
    HMACS,
)
AUTHENTICATIONS = st.sampled_from(
    [
        None,
        ApiKey("x-key", "header", Secret("k-1")),
        ApiKey("key", "query", Secret("a;b&c")),
        Bearer(Secret("t-1")),
        Basic("ada", Secret("ü")),
    ]
)
URLS = st.sampled_from(
    [
        "https://receiver.example",
        "http://127.0.0.1:8080/a/b?own=1;2&other=%3B",
        "https://receiver.example/c/{{ record.id }}",
        "https://receiver.example:444/{{ secrets.path }}?q={{ properties.note }}&k=1",
    ]
)
HEADERS = st.sampled_from(
    [{}, {"x-fixed": "1"}, {"x-note": "n {{ properties.note }}", "x-z": "{{ secrets.key }}"}]
)


@st.composite
def webhooks(draw):
    """Return a webhook, as a configuration might define it."""
    url, headers = draw(URLS), draw(HEADERS)
    live = live_templates(url, headers, PLAIN)
    signatures = draw(st.lists(SIGNATURES, max_size=3))
    method = draw(st.sampled_from(get_args(Method)))
    kind = draw(st.sampled_from(BodyFormat))
    body = Body(None, {}, kind, previous=False) if method in {"POST", "PUT", "PATCH"} else None
    query = (ChosenProperty("note", "n"),) if draw(st.booleans()) and "?q" not in url else ()
    request = Request(
        method,
        url,
        draw(AUTHENTICATIONS),
        signatures[0] if signatures else None,
        tuple(headers.items()),
        body,
        query,
        more_signatures=tuple(signatures[1:]),
        live=live,
        secrets=SECRETS,
    )
    return Webhook("hook", "crm", "contacts", request)


@given(webhooks(), st.lists(st.tuples(TEXTS, TIMES, st.booleans()), min_size=1, max_size=4))
def test_what_is_signed_and_sent_is_what_the_straightforward_way_makes(webhook, attempts):
    """Many attempts by one template, whose authorization may change in between."""
    template = RequestTemplate(webhook.request, SECRETS)
    fixed = Fixed(webhook.request.authentication)._authorization
    for note, at, has_token in attempts:
        properties = {"note": f'"{note}"'}
        change = Change(ChangeKind.UPDATED, "crm", "contacts", "7", properties, {}, at)
        rendered = render(webhook, change, delivery_id="0198")
        delivery = a_delivery("hook", id="0198", source="crm", record_id="7", rendered=rendered)
        token = Authorization((("authorization", f"Bearer {note.strip()}"),), serial=2)
        authorization = token if has_token else fixed

        made = template.fill(delivery, authorization, at=at)

        url, headers, body = straight_requests.request(
            webhook.request, SECRETS, delivery, authorization, at
        )
        assert (made.method, made.uri, made.headers, made.body) == (
            rendered.method,
            url,
            headers,
            body,
        )
        assert made.written() == as_the_seam_writes(made, url, headers, body)


def as_the_seam_writes(made, url, headers, body):
    """Return the bytes that go out by way of a proxy, or in any other way but directly."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    target = url.partition("://")[2].partition("/")[2]
    extensions = {"target": f"/{target}".encode()}
    assert raw == made.raw_headers()
    assert made.target == f"/{target}"
    return payload(PreparedRequest(made.method, httpx.URL(made.url), raw, body, extensions))
