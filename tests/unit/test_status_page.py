"""The page of `status --json` says what the description of the admin API says, key by key."""

import re
from pathlib import Path

from webhookd.admin.description import description

PAGE = Path(__file__).parents[2] / "docs" / "status.md"
ROW = re.compile(r"^\| `([a-z_.\[\]]+)` \| [^|]+ \| (.*) \|$", re.MULTILINE)


def described(schemas, view, place=""):
    """Yield each key of a view, and of the views in it, with its meaning."""
    for name, one in schemas[view]["properties"].items():
        yield place + name, " ".join(one["description"].split())
        inner = re.search(r"schemas/(\w+View)'", str(one))
        if inner:
            is_list = "'array'" in str(one)
            yield from described(schemas, inner[1], f"{place}{name}{'[]' if is_list else ''}.")


def test_the_page_has_each_key_with_its_meaning():
    schemas = description()["components"]["schemas"]

    assert dict(ROW.findall(PAGE.read_text())) == dict(described(schemas, "StatusView"))
