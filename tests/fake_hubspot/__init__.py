"""HubSpot's CRM API for tests: strict about what it takes, and as awkward as the real one.

`python -m tests.fake_hubspot` runs it by hand. `account` holds the records and the index that lags,
`endpoints` are the paths, `limits` what is refused and when.
"""

from tests.fake_hubspot.account import Account
from tests.fake_hubspot.endpoints import FakeHubspot

__all__ = ["Account", "FakeHubspot"]
