"""A HubSpot source that is polled fast, and a webhook that tells all of it to a receiver."""

from __future__ import annotations

import json


def hubspot_source(fake, contacts, **changes):
    """Return a source of the *contacts* of a *fake* that is served."""
    return {
        "type": "hubspot",
        "base_url": fake.url,
        "token": {"env": "CRM_TOKEN"},
        "poll_every": "200ms",
        "overlap": "5s",
        "objects": {"contacts": contacts},
    } | changes


def mirror(receiver, **trigger):
    """Return a webhook that tells whole contacts, those of a record in order."""
    return {
        "source": "crm",
        "object": "contacts",
        "trigger": trigger,
        "request": {"url": receiver.url, "allow_http": True, "body": {"format": "record"}},
        "delivery": {"order": "record", "retry": {"first_after": "100ms", "factor": 1}},
    }


def told(receiver):
    """Return what arrived, each delivery once, in the order in which deliveries were made."""
    bodies = {one.id: json.loads(one.body) for one in tuple(receiver.received)}
    return [body for _, body in sorted(bodies.items())]
