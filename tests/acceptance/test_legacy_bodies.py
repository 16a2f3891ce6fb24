"""A receiver of HubSpot's workflow webhooks gets from the daemon what it got from HubSpot."""

import json
from datetime import UTC, datetime

from hubspot.utils.signature import Signature as HubSpotSignature

from tests.daemon import SECRET, until
from tests.receiver import Receiver

TYPES = {
    "contacts": {"email": "string", "score": "number", "birthday": "date"},
    "deals": {"dealname": "string", "amount": "number", "closedate": "datetime"},
}


def configure(daemon, crm, receiver):
    source = {
        "type": "hubspot",
        "base_url": crm.url,
        "token": {"env": "CRM_TOKEN"},
        "poll_every": "300ms",
        "overlap": "5s",
        "start": "beginning",
        "objects": {
            "contacts": {"properties": ["email", "score", "birthday"]},
            "deals": {"properties": ["dealname", "amount", "closedate"], "deletions": True},
        },
    }
    request = {
        "url": f"{receiver.url}/hook?tenant=acme",
        "allow_http": True,
        "signature": {"app_id": "1234567"},
        "body": {"format": "hubspot_legacy", "portal_id": 62515},
    }
    hooks = {
        object_: {
            "source": "crm",
            "object": object_,
            "trigger": {"changes": ["created", "updated", *(["deleted"] * (object_ == "deals"))]},
            "request": request,
        }
        for object_ in TYPES
    }
    daemon.configure(hooks, sources={"crm": source})


def bodies(receiver, id_name):
    """Return the bodies with an id of this name, each verified as a receiver of HubSpot does."""
    found = []
    for one in tuple(receiver.received):
        expected = HubSpotSignature.get_signature(
            SECRET, one.body.decode(), "v2", f"{receiver.url}{one.target}", one.method
        )
        assert one.headers["x-hubspot-signature"] == expected
        body = json.loads(one.body)
        found += [body] * (id_name in body)
    return found


def milliseconds(year, month, day, hour=0):
    return str(int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000))


def test_contacts_deals_and_a_deletion_have_the_legacy_shape(daemon, crm):
    contact = crm.account.create(
        "contacts", {"email": "ada@example.com", "score": "1.10", "birthday": "1815-12-10"}
    )
    deal = crm.account.create(
        "deals", {"dealname": "Roof", "amount": "1250.00", "closedate": "2026-03-31T10:00:00Z"}
    )
    with Receiver() as receiver:
        configure(daemon, crm, receiver)
        daemon.start()
        until(lambda: len(receiver.received) == 2, "both records")
        crm.account.archive("deals", deal)
        until(lambda: len(receiver.received) == 3, "the deletion")
        daemon.stop()

    (told,) = bodies(receiver, "vid")
    assert (told["vid"], told["portal-id"], told["is-contact"]) == (int(contact), 62515, True)
    assert {name: one["value"] for name, one in told["properties"].items()} == {
        "email": "ada@example.com",
        "score": "1.10",
        "birthday": milliseconds(1815, 12, 10),
    }
    first, gone = bodies(receiver, "dealId")
    assert (first["dealId"], first["isDeleted"], gone["isDeleted"]) == (int(deal), False, True)
    for body in (first, gone):
        values = {name: one["value"] for name, one in body["properties"].items()}
        assert values == {
            "dealname": "Roof",
            "amount": "1250.00",
            "closedate": milliseconds(2026, 3, 31, 10),
        }
