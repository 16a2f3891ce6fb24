"""Signatures, recomputed by the libraries that receivers use."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hubspot.utils.signature import Signature as HubSpotSignature
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as StandardWebhook

from tests.straight_requests import identity
from webhookd.definitions import Scheme, Signature
from webhookd.model import Secret
from webhookd.rules import signing
from webhookd.rules.signers import signer

AT = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)
URL = "https://example.com/hook?name=S%C3%B8n&at=10:30"
BODY = '{"name":"Żółć 🚀"}'
OLD, NEW = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
TEXTS = st.text(st.characters(codec="utf-8"))
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone stands beside them
KEYS = st.binary(min_size=24, max_size=64)


def sign(scheme, secret, *previous, method="POST", url=URL, body=BODY, at=AT):
    signature = Signature("1", scheme, Secret(secret), tuple(map(Secret, previous)))
    sign_request = signer(signature)(method, url)
    lines = sign_request(body.encode(), "d-1", *map(str, signing.since_epoch(at)))
    return dict(line.split(": ", 1) for line in lines)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(["GET", "POST", "PATCH"]))
def test_hubspots_library_computes_v1_and_v2_alike(secret, url, body, method):
    for version, scheme in (("v1", Scheme.HUBSPOT_V1), ("v2", Scheme.HUBSPOT_V2)):
        expected = HubSpotSignature.get_signature(secret, body, version, url, method)

        assert sign(scheme, secret, method=method, url=url, body=body) == {
            "X-HubSpot-Signature": expected,
            "X-HubSpot-Signature-Version": version,
        }


@given(TEXTS, TEXTS, TEXTS, TIMES)
def test_hubspots_library_computes_v3_alike(secret, url, body, at):
    headers = sign(Scheme.HUBSPOT_V3, secret, method="PUT", url=url, body=body, at=at)

    timestamp = headers["X-HubSpot-Request-Timestamp"]
    expected = HubSpotSignature.get_signature(secret, body, "v3", url, "PUT", timestamp)
    assert headers["X-HubSpot-Signature-v3"] == expected
    assert datetime.fromtimestamp(int(timestamp) // 1000, UTC) == at.replace(microsecond=0)


def test_hubspots_library_accepts_a_v3_request_of_now():
    headers = sign(Scheme.HUBSPOT_V3, "secret", at=datetime.now(UTC))

    assert HubSpotSignature.is_valid(
        headers["X-HubSpot-Signature-v3"],
        "secret",
        BODY,
        URL,
        "POST",
        "v3",
        headers["X-HubSpot-Request-Timestamp"],
    )


@given(KEYS, TEXTS, TIMES)
def test_the_library_of_standard_webhooks_computes_alike(key, body, at):
    secret = "whsec_" + base64.b64encode(key).decode()

    headers = sign(Scheme.STANDARD_WEBHOOKS, secret, body=body, at=at)

    assert headers == {"webhook-signature": StandardWebhook(secret).sign("d-1", at, body)}


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_during_a_rotation_receivers_with_either_secret_accept(secret):
    now = datetime.now(UTC)
    headers = sign(Scheme.STANDARD_WEBHOOKS, NEW, OLD, at=now)
    headers.update(identity("d-1", now))

    StandardWebhook(secret).verify(BODY, headers)

    assert headers["webhook-signature"].startswith(StandardWebhook(NEW).sign("d-1", now, BODY))


def test_values_computed_once_by_the_libraries_still_come_out():
    assert sign(Scheme.HUBSPOT_V1, "s")["X-HubSpot-Signature"] == (
        "9c2458fc55cf4ca13a2849e5f2def6ca04bf294abe703ccbbefbae44b717589d"
    )
    assert sign(Scheme.HUBSPOT_V2, "s")["X-HubSpot-Signature"] == (
        "99e73eba4e8ab1f6f4a0287e563f5b4a1852101f0fd41324550d2a633e92900c"
    )
    assert sign(Scheme.HUBSPOT_V3, "s")["X-HubSpot-Signature-v3"] == (
        "mMIUCWKvqc3PmZAprs02bbfBfE4ltUeJngZ/us+ie4I="
    )
    assert sign(Scheme.STANDARD_WEBHOOKS, NEW)["webhook-signature"] == (
        "v1,5C4xD2r6uhlECT/tMxVVpu8uKCDseSJWR4rpnKvSWzo="
    )


def test_an_empty_body_is_the_empty_text():
    expected = HubSpotSignature.get_signature("s", "", "v2", URL, "GET")

    assert sign(Scheme.HUBSPOT_V2, "s", method="GET", body="")["X-HubSpot-Signature"] == expected


@given(TIMES | st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone stands beside it
def test_moments_are_rounded_down(at):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    assert signing.since_epoch(at) == (
        (at - epoch) // timedelta(seconds=1),
        (at - epoch) // timedelta(milliseconds=1),
    )


@given(KEYS)
def test_a_key_is_read_with_and_without_its_padding(key):
    encoded = base64.b64encode(key).decode()

    assert signing.standard_webhooks_key(f"whsec_{encoded}") == key
    assert signing.standard_webhooks_key(f"whsec_{encoded.rstrip('=')}") == key


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("canary" * 8, "does not begin with 'whsec_'"),
        ("WHSEC_" + "canary00" * 6, "does not begin with 'whsec_'"),
        ("whsec_canary!canary-canary_canary" * 2, "is not base64"),
        ("whsec_canary" + "ä" * 40, "is not base64"),
        ("whsec_canary canary canary canary canary", "is not base64"),
        ("whsec_canary00", "has 6 bytes, not 24 to 64"),
        ("whsec_", "has 0 bytes, not 24 to 64"),
        ("whsec_" + "canary00" * 20, "has 120 bytes, not 24 to 64"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(secret, says):
    with pytest.raises(ValueError, match=says) as caught:
        signing.standard_webhooks_key(secret)

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
