"""Reads a HubSpot with Airbyte's source-hubspot; prints what it read, as one JSON object.

    airbyte_reads.py BASE_URL STATE STREAM...

STATE is what an earlier run printed under `state`, as JSON, `{}` for none: streams that have a
state are read incrementally, by search. The object has the records by stream under `records`.

A program of its own: Airbyte's reader is installed for `make sources`, and nowhere else. It knows
one address of HubSpot, so requests to that are sent to BASE_URL; all else is as it is shipped.
"""

import json
import logging
import sys

from airbyte_cdk.models import (
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
    Type,
)
from requests.adapters import HTTPAdapter
from source_hubspot import SourceHubspot

HUBSPOT = "https://api.hubapi.com"
CONFIG = {
    "start_date": "2006-06-01T00:00:00Z",
    "credentials": {"credentials_title": "Private App Credentials", "access_token": "pat-token"},
}


def send_to(base_url):
    """Have every request to HubSpot sent to *base_url*."""
    send = HTTPAdapter.send

    def sent(self, request, **options):
        assert request.url.startswith((HUBSPOT, base_url)), request.url
        request.url = request.url.replace(HUBSPOT, base_url)
        return send(self, request, **options)

    HTTPAdapter.send = sent


def catalog(streams):
    """Return the catalog that has *streams* read."""
    return ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {
                        "name": name,
                        "json_schema": {"type": "object", "properties": {}},
                        "supported_sync_modes": ["full_refresh", "incremental"],
                    },
                    "sync_mode": "incremental",
                    "destination_sync_mode": "append",
                }
                for name in streams
            ]
        }
    )


def main():
    """Read what the command line says."""
    base_url, before, *streams = sys.argv[1:]
    send_to(base_url)
    state = [AirbyteStateMessageSerializer.load(one) for one in json.loads(before).values()]
    wanted = catalog(streams)
    source = SourceHubspot(wanted, CONFIG, state)
    records, states = {name: [] for name in streams}, {}
    for message in source.read(logging.getLogger("airbyte"), CONFIG, wanted, state):
        if message.type == Type.RECORD:
            records[message.record.stream].append(message.record.data)
        elif message.type == Type.STATE:
            name = message.state.stream.stream_descriptor.name
            states[name] = AirbyteStateMessageSerializer.dump(message.state)
    json.dump({"records": records, "state": states}, sys.stdout, default=str)


if __name__ == "__main__":
    main()
