"""What several tests of the configuration need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from webhookd.config import loading
from webhookd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from webhookd import definitions

MINIMAL = """\
version: 1
sources:
  crm: {type: drop_directory, path: drop, object: contacts}
webhooks:
  hook:
    source: crm
    object: contacts
    request: {url: "https://example.com/hook"}
"""


@pytest.fixture(scope="session")
def authority_pem() -> bytes:
    """Return the certificate of an authority, in PEM form."""
    return trustme.CA().cert_pem.bytes()


@pytest.fixture
def minimal() -> str:
    """Return the text of the smallest configuration with a webhook."""
    return MINIMAL


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., loading.Loaded]:
    """Return what loads a text, as if it stood in a file of `tmp_path`."""

    def load(text: str, *, offline: bool = False, **environment: str) -> loading.Loaded:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return loading.load(path, environment=environment, offline=offline)

    return load


@pytest.fixture
def hook(loaded: Callable[..., loading.Loaded]) -> Callable[..., definitions.Webhook]:
    """Return what loads the smallest configuration and some text after it: its webhook."""

    def load(text: str, **environment: str) -> definitions.Webhook:
        return loaded(MINIMAL + text, **environment).definitions.webhooks["hook"]

    return load


@pytest.fixture
def messages(loaded: Callable[..., loading.Loaded]) -> Callable[[str], list[str]]:
    """Return what loads a text that is wrong: the messages of its problems."""

    def load(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text)
        return [problem.message for problem in caught.value.problems]

    return load
