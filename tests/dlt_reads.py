"""Reads the persons of a PocketBase with dlt's rest_api and prints their ids, as one JSON list.

A program of its own: dlt is installed for `make sources`, and nowhere else.
"""

import json
import os
import sys

from dlt.sources.rest_api import rest_api_source


def main() -> None:
    """Read from the URL in the command line, with the token in the environment."""
    client = {
        "base_url": sys.argv[1],
        "headers": {"Authorization": os.environ["CRM_TOKEN"]},
        "paginator": {
            "type": "page_number",
            "base_page": 1,
            "page_param": "page",
            "total_path": "totalPages",
        },
    }
    endpoint = {
        "path": "api/collections/persons/records",
        "params": {"perPage": 150, "sort": "id"},
        "data_selector": "items",
    }
    source = rest_api_source(
        {"client": client, "resources": [{"name": "persons", "endpoint": endpoint}]}
    )
    json.dump([row["id"] for row in source.resources["persons"]], sys.stdout)


if __name__ == "__main__":
    main()
