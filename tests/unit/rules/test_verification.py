"""Whether a received request is signed as it says."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import straight_requests
from webhookd.definitions import Hmac, Scheme, Signature
from webhookd.model import Secret
from webhookd.rules.verification import Unsigned, Unverified, Verified, verify, verify_as

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
URL = "https://example.com/hook?name=S%C3%B8n"
BODY = '{"name":"Żółć"}'.encode()
SECRET = Secret("whsec_" + base64.b64encode(b"k" * 32).decode())
OTHER = Secret("whsec_" + base64.b64encode(b"o" * 32).decode())
TIMED = [Scheme.HUBSPOT_V3, Scheme.STANDARD_WEBHOOKS, Scheme.STRIPE, Scheme.HMAC]
FORM = Hmac(
    "X-Sign",
    "sha512",
    "base64",
    "{{ method }} {{ url }} {{ timestamp_ms }} {{ id }} {{ body }}",
    "at={{ timestamp_ms }};{{ signature }};{{ id }}",
)
SIGNATURE_HEADERS = [
    "X-HubSpot-Signature-v3",
    "X-HubSpot-Signature",
    "webhook-signature",
    "X-Hub-Signature-256",
    "Stripe-Signature",
    "X-Sign",
]


def signed(scheme, secret=SECRET, *previous):
    form = FORM if scheme is Scheme.HMAC else None
    signature = Signature("1", scheme, secret, previous, form)
    headers = straight_requests.signature_headers(
        signature, method="POST", url=URL, body=BODY, delivery_id="d-1", at=AT
    )
    identity = straight_requests.identity("d-1", AT)
    return {name.upper(): value for name, value in (*headers, *identity)}


def verified(headers, *, method="POST", url=URL, body=BODY, secrets=(OTHER, SECRET), now=AT):
    return verify(
        method=method,
        url=url,
        headers=headers,
        body=body,
        secrets=secrets,
        now=now,
        forms=(FORM,),
    )


@pytest.mark.parametrize("scheme", Scheme)
def test_what_is_signed_verifies(scheme):
    assert verified(signed(scheme)) == Verified(scheme)


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize(
    "tampered",
    [
        {"body": BODY + b" "},
        {"secrets": (OTHER,)},
        {"secrets": ()},
        {"url": URL + "x"},
        {"method": "PUT"},
    ],
)
def test_what_was_tampered_with_does_not(scheme, tampered):
    is_covered = {
        Scheme.HUBSPOT_V1: {"body", "secrets"},
        Scheme.STANDARD_WEBHOOKS: {"body", "secrets"},
        Scheme.GITHUB: {"body", "secrets"},
        Scheme.STRIPE: {"body", "secrets"},
    }.get(scheme, {"body", "secrets", "url", "method"})

    result = verified(signed(scheme), **tampered)

    assert isinstance(result, Unverified if set(tampered) <= is_covered else Verified)


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize(
    ("seconds", "says"), [(301, "301 seconds old"), (-301, "301 seconds ahead")]
)
def test_an_age_over_five_minutes_is_reported(scheme, seconds, says):
    for inside in (300, -300):
        assert verified(signed(scheme), now=AT + timedelta(seconds=inside)) == Verified(scheme)
    result = verified(signed(scheme), now=AT + timedelta(seconds=seconds))

    assert result == Unverified(f"the signature is right, but {says}", scheme)


def test_one_signature_of_several_is_enough():
    headers = signed(Scheme.HUBSPOT_V2) | {"x-hubspot-signature-v3": "wrong"}

    assert verified(headers) == Verified(Scheme.HUBSPOT_V2)
    assert verified(signed(Scheme.STANDARD_WEBHOOKS, OTHER, SECRET), secrets=[SECRET]) == Verified(
        Scheme.STANDARD_WEBHOOKS
    )


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"X-HubSpot-Signature": "ab"}, "neither v1 nor v2"),
        ({"X-HubSpot-Signature": "ab", "X-HubSpot-Signature-Version": "v9"}, "neither v1 nor v2"),
        ({"X-HubSpot-Signature-v3": "ab"}, "not a number of milliseconds"),
        (signed(Scheme.HUBSPOT_V3) | {"X-HUBSPOT-REQUEST-TIMESTAMP": "9" * 5000}, "not a number"),
        ({"webhook-signature": "v1,ab"}, "webhook-id or webhook-timestamp"),
        (signed(Scheme.STANDARD_WEBHOOKS) | {"WEBHOOK-TIMESTAMP": "1e9"}, "webhook-id or"),
    ],
)
def test_what_is_missing_or_malformed_is_named(headers, says):
    result = verified(headers)

    assert isinstance(result, Unverified)
    assert says in result.why


@pytest.mark.parametrize("headers", [{}, {"X-Signature": "ab", "webhook-id": "d-1"}])
def test_what_carries_no_signature_is_not_called_false(headers):
    assert verified(headers) == Unsigned()


def test_standard_webhooks_needs_a_secret_of_its_form():
    result = verified(signed(Scheme.STANDARD_WEBHOOKS), secrets=[Secret("plain")])

    assert result.why == "no secret has the form whsec_ and base64 of 24 to 64 bytes"


@given(
    st.sampled_from(SIGNATURE_HEADERS),
    st.text(),
    st.sampled_from(["v1", "v2", ""]),
    st.text("0123456789", max_size=20),
)
def test_no_header_breaks_it_and_no_garbage_verifies(name, value, version, timestamp):
    headers = {
        name: value,
        "X-HubSpot-Signature-Version": version,
        "X-HubSpot-Request-Timestamp": timestamp,
        "webhook-timestamp": timestamp,
        "webhook-id": "d-1",
    }

    assert isinstance(verified(headers), Unverified)


def held(scheme, secret=SECRET, *previous):
    form = FORM if scheme is Scheme.HMAC else None
    return Signature("1", scheme, secret, previous, form)


def as_one(signature, headers, *, url=URL, body=BODY, now=AT):
    return verify_as(signature, method="POST", url=url, headers=headers, body=body, now=now)


@pytest.mark.parametrize("scheme", Scheme)
def test_by_one_scheme_only_what_that_one_signs_is_genuine(scheme):
    every = {name: value for one in Scheme for name, value in signed(one).items()}
    # Of the two that share headers, the last one is in them.
    every |= signed(scheme)
    others = {
        name: value
        for one in Scheme
        if one is not scheme
        for name, value in signed(one).items()
        if name not in {"WEBHOOK-ID", "WEBHOOK-TIMESTAMP"}
    }

    assert as_one(held(scheme), every) == Verified(scheme)
    assert isinstance(as_one(held(scheme), {**every, **signed(scheme, OTHER)}), Unverified)
    assert isinstance(as_one(held(scheme), others), Unverified)
    assert isinstance(as_one(held(scheme), every, body=BODY + b" "), Unverified)
    assert isinstance(as_one(held(scheme), {}), Unverified)


@pytest.mark.parametrize("scheme", Scheme)
def test_by_one_scheme_a_previous_secret_verifies_too(scheme):
    assert as_one(held(scheme, OTHER, SECRET), signed(scheme)) == Verified(scheme)


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("seconds", [-301, 301])
def test_by_one_scheme_five_minutes_are_the_most(scheme, seconds):
    now = AT + timedelta(seconds=seconds)

    assert isinstance(as_one(held(scheme), signed(scheme), now=now), Unverified)
    assert as_one(held(scheme), signed(scheme), now=AT + timedelta(seconds=seconds * 0.9)) == (
        Verified(scheme)
    )


@given(
    scheme=st.sampled_from(list(Scheme)),
    names=st.lists(st.sampled_from([*SIGNATURE_HEADERS, "webhook-id", "webhook-timestamp"])),
    value=st.text(max_size=60),
    version=st.sampled_from(["v1", "v2", "v3", ""]),
    time=st.text(max_size=20),
)
def test_by_one_scheme_nonsense_is_refused_and_breaks_nothing(scheme, names, value, version, time):
    headers = dict.fromkeys(names, value) | {
        "X-HubSpot-Signature-Version": version,
        "X-HubSpot-Request-Timestamp": time,
    }

    assert isinstance(as_one(held(scheme), headers), Unverified)
