"""Run the fake by hand, to point a daemon at it."""

import argparse
import sys
import threading

from tests.fake_hubspot import Account, FakeHubspot

TYPES = {
    "contacts": {"email": "string", "firstname": "string", "lifecyclestage": "enumeration"},
    "deals": {"dealname": "string", "amount": "number", "closedate": "datetime"},
    "companies": {"name": "string", "domain": "string"},
}
HELP = """\
base_url: URL  (token TOKEN)
create:   curl -d '{"properties": {"email": "a@example.com"}}' URL/fake/contacts
change:   curl -X PATCH -d '{"properties": {"lifecyclestage": "customer"}}' URL/fake/contacts/1001
archive:  curl -X DELETE URL/fake/contacts/1001
restore:  curl -X POST URL/fake/contacts/1001/restore
merge:    curl -X POST URL/fake/contacts/1001/merge/1002
join:     curl -X POST URL/fake/contacts/1001/associate/companies/1011
company:  curl -d '{"properties": {"name": "Acme"}}' URL/fake/companies
"""


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fake_hubspot")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--token", default="pat-token")
    parser.add_argument("--records", type=int, default=10, help="contacts that are there at first")
    parser.add_argument("--lag", type=float, default=2.0, help="seconds the index is late")
    options = parser.parse_args()
    account = Account(TYPES, lag=lambda: options.lag)
    for number in range(options.records):
        account.create("contacts", {"email": f"{number}@example.com", "lifecyclestage": "lead"})
    with FakeHubspot(account, token=options.token).serving(options.port) as url:
        sys.stdout.write(HELP.replace("URL", url).replace("TOKEN", options.token))
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
