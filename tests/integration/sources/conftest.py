"""What runs a source of an API in a test."""

import asyncio

import pytest

from tests.polls import polling, settings


@pytest.fixture
def poll(url):
    """Return what runs a scenario with a source on a fake."""

    def run(scenario, source=None, *webhooks, **options):
        async def inside():
            async with polling(url, source or settings(), *webhooks, **options) as polls:
                result = await scenario(polls)
                assert polls.fake.bad == [], "the API was asked something that it refuses"
                return result

        return asyncio.run(inside())

    return run
