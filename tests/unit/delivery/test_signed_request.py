"""The request of one attempt: what receivers of each signature scheme need to see."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import NOW, a_delivery
from webhookd.authentication.credentials import Fixed
from webhookd.definitions import ApiKey, Hmac, Request, Scheme, Signature
from webhookd.delivery.signed_request import RequestTemplate
from webhookd.model import Rendered, Secret
from webhookd.rules.url_encoding import encode_query

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SCHEMES = [None, *(scheme for scheme in Scheme if scheme is not Scheme.HUBSPOT_V3)]


def filled(query, scheme, *, url="https://receiver.example/a", key=None):
    form = Hmac("X-Sign", signs="{{ url }}{{ body }}") if scheme is Scheme.HMAC else None
    signature = scheme and Signature("1234567", scheme, Secret(SECRET), (), form)
    authentication = key and ApiKey("key", "query", Secret(key))
    request = Request("GET", url, signature=signature, authentication=authentication)
    authorization = Fixed(authentication)._authorization
    rendered = Rendered("GET", None, None, query)
    delivery = a_delivery(id="1", rendered=rendered)
    return RequestTemplate(request, {}).fill(delivery, authorization, at=NOW)


def read_as_go_does(target):
    """Return the parameters of a query as Go's net/url reads them: none that holds a `;`."""
    parts = [part for part in target.partition("?")[2].split("&") if ";" not in part]
    return parse_qsl("&".join(parts), keep_blank_values=True)


@pytest.mark.parametrize("scheme", OTHER_SCHEMES)
@given(st.lists(st.text("ab;%&= ", max_size=6), max_size=3), st.text("k;", max_size=3))
def test_no_parameter_is_lost_to_a_receiver_in_go(scheme, values, key):
    pairs = [(f"p{number}", value) for number, value in enumerate(values)]

    made = filled(encode_query(pairs), scheme, key=key or None)

    expected = [*pairs, *([("key", key)] if key else [])]
    assert read_as_go_does(made.target) == expected
    assert made.uri.endswith(made.target)


@pytest.mark.parametrize("scheme", OTHER_SCHEMES)
def test_a_bare_semicolon_that_was_stored_by_an_older_version_goes_out_encoded(scheme):
    assert filled("interests=sport;art", scheme).target == "/a?interests=sport%3Bart"


@pytest.mark.parametrize("stored", ["interests=sport;art", "interests=sport%3Bart"])
def test_hubspot_v3_holds_whether_a_receiver_decodes_before_it_hashes_or_not(stored):
    made = filled(stored, Scheme.HUBSPOT_V3, key="a;b")

    headers = dict(made.headers)
    timestamp = headers["X-HubSpot-Request-Timestamp"]
    assert made.target == "/a?interests=sport;art&key=a;b"
    for uri in (made.uri, unquote(made.uri)):
        digest = hmac.new(SECRET.encode(), f"GET{uri}{timestamp}".encode(), hashlib.sha256).digest()
        assert headers["X-HubSpot-Signature-v3"] == base64.b64encode(digest).decode()


def test_hubspot_v2_signs_what_is_sent():
    made = filled("interests=sport%3Bart", Scheme.HUBSPOT_V2)

    expected = hashlib.sha256(f"{SECRET}GET{made.uri}".encode()).hexdigest()
    assert dict(made.headers)["X-HubSpot-Signature"] == expected
    assert made.uri == "https://receiver.example/a?interests=sport%3Bart"


def test_the_query_that_the_url_was_written_with_stays_as_it_is():
    made = filled("p=1;2", None, url="https://receiver.example/a?own=1;2&other=%3B")

    assert made.target == "/a?own=1;2&other=%3B&p=1%3B2"
