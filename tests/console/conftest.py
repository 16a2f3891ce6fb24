"""What the console's tests share: a daemon with trouble, and a console beside it."""

import pytest

from tests.console.stage import Stage, troubled


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Give a daemon whose webhooks are in every state."""
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        troubled(made)
        yield made


@pytest.fixture(scope="module")
def console(stage):
    return stage.console()


@pytest.fixture(scope="module")
def viewer(console):
    with console.viewer() as client:
        yield client
