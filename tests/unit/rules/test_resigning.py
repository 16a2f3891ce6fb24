"""A signature that covers the URL is made anew for another one, if a known secret made it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.definitions import Hmac, Scheme, Signature
from webhookd.model import Secret
from webhookd.rules import signing
from webhookd.rules.resigning import ReceivedRequest, resigned
from webhookd.rules.signers import signer
from webhookd.rules.verification import Unverified, Verified, verify

SECRET, OTHER = Secret("a-client-secret-of-the-tests"), Secret("another-secret-of-the-tests")
NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
CAME, GOES = "http://127.0.0.1:8000/hook?a=b%2Cc", "http://localhost:3000/api/in?a=b%2Cc"
FORM = Hmac(
    "X-Mine",
    "sha256",
    "hex",
    "{{ method }}{{ url }}{{ timestamp }}{{ body }}",
    "v1={{ signature }}",
)
KEY = Secret("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=")
COVERING = [
    Signature("1", Scheme.HUBSPOT_V2, SECRET),
    Signature("1", Scheme.HUBSPOT_V3, SECRET),
    Signature("1", Scheme.HMAC, SECRET, hmac=FORM),
]
OTHERS = [
    Signature("1", Scheme.HUBSPOT_V1, SECRET),
    Signature("1", Scheme.GITHUB, SECRET),
    Signature("1", Scheme.STRIPE, SECRET),
    Signature("1", Scheme.STANDARD_WEBHOOKS, KEY),
]


def signed(signature, url=CAME, method="POST", body=b'{"a": 1}'):
    seconds, milliseconds = map(str, signing.since_epoch(NOW))
    made = signer(signature)(method, url)(body, "d-1", seconds, milliseconds)
    own = [("webhook-id", "d-1"), ("webhook-timestamp", seconds), ("X-Kept", "ä")]
    lines = [tuple(line.split(": ", 1)) for line in made]
    return ReceivedRequest(method, url, (*own, *lines), body)


def verified(request, url, headers, secrets=(SECRET, KEY)):
    return verify(
        method=request.method,
        url=url,
        headers=dict(headers),
        body=request.body,
        secrets=secrets,
        now=NOW,
        forms=[FORM],
    )


@pytest.mark.parametrize("signature", COVERING, ids=lambda one: one.scheme.value)
@given(body=st.binary(max_size=50), path=st.text("abc/%25=&?", max_size=12))
def test_what_covers_the_url_verifies_for_the_other_one(signature, body, path):
    url = f"{CAME}{path}"
    request = signed(signature, url, "PUT", body)

    found = resigned(request, GOES, [OTHER, SECRET], [FORM])

    assert found.anew == (signature.scheme,)
    assert found.broken == ()
    assert verified(request, GOES, found.headers) == Verified(signature.scheme)
    assert isinstance(verified(request, GOES, request.headers), Unverified)
    assert [name for name, _ in found.headers] == [name for name, _ in request.headers]


@pytest.mark.parametrize("signature", OTHERS, ids=lambda one: one.scheme.value)
def test_what_does_not_cover_the_url_stays_as_it_came(signature):
    request = signed(signature)

    found = resigned(request, GOES, [SECRET, KEY], [FORM])

    assert found == type(found)(request.headers)
    assert verified(request, GOES, found.headers) == Verified(signature.scheme)


@pytest.mark.parametrize("signature", COVERING, ids=lambda one: one.scheme.value)
@pytest.mark.parametrize("secrets", [[], [OTHER]], ids=["none", "another"])
def test_what_no_secret_made_stays_as_it_came_and_is_told(signature, secrets):
    request = signed(signature)

    found = resigned(request, GOES, secrets, [FORM])

    assert found.broken == (signature.scheme,)
    assert found.headers == request.headers


@pytest.mark.parametrize("signature", COVERING, ids=lambda one: one.scheme.value)
def test_a_forged_request_is_not_signed_for_its_forger(signature):
    request = signed(signature)
    forged = ReceivedRequest(request.method, CAME, request.headers, b'{"a": 2}')

    assert resigned(forged, GOES, [SECRET], [FORM]).anew == ()


def test_an_old_request_stays_old():
    request = signed(COVERING[1])
    headers = resigned(request, GOES, [SECRET]).headers

    assert dict(headers)["X-HubSpot-Request-Timestamp"] == str(signing.since_epoch(NOW)[1])


@given(value=st.text(max_size=30), version=st.sampled_from(["v1", "v2", "v9", ""]))
def test_no_header_breaks_it(value, version):
    names = (
        "X-HubSpot-Signature-v3",
        "X-HubSpot-Signature",
        "X-Mine",
        "X-HubSpot-Request-Timestamp",
    )
    headers = (*((name, value) for name in names), ("X-HubSpot-Signature-Version", version))

    assert resigned(ReceivedRequest("GET", CAME, headers, b""), GOES, [SECRET], [FORM]).anew == ()
