"""A real Chromium for the console's pages: Debian's, driven by Playwright."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
MUST = "WEBHOOKD_TEST_BROWSER"
"""Set by `make test-browser`: to be without a browser is a failure then."""


# Not for the session: while Playwright runs, this thread has an event loop that runs, and a test of
# another module could begin none of its own.
@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("WEBHOOKD_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, NAMES)), ""
    )
    if not path:
        told = "NO PAGE WAS TESTED IN A BROWSER: no Chromium here; apt-get install chromium"
        if os.environ.get(MUST):
            pytest.fail(told)
        pytest.skip(told)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        # Without a sandbox, for root: what it opens is the console and hostile text.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()
