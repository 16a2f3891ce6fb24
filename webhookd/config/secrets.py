"""Secrets, from where a reference says: the environment, a file, a systemd credential.

No message here holds a secret, or any part of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from webhookd.config import bounded_read, models
from webhookd.config.settings import env_file
from webhookd.errors import ConfigError
from webhookd.model import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.models import SecretReference

LARGEST = 64 * 1024
PLACES: Final = tuple(models.SecretReference.model_fields)
"""The keys of a reference, each for a place where a secret may be."""

# Nothing that ends a header line, and nothing that cannot be encoded: the environment hands
# over bytes that are not UTF-8 as lone surrogates.
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class SecretError(ValueError):
    """A secret cannot be had; the message says why and names the reference."""


@dataclass(frozen=True)
class Secrets:
    """Resolves references. *offline* resolves none: every secret is empty, and not usable."""

    environment: Mapping[str, str] = field(repr=False)
    offline: bool = False
    _resolved: dict[tuple[SecretReference, Path], Secret] = field(default_factory=dict, repr=False)

    def resolve(self, reference: SecretReference, folder: Path) -> Secret:
        """Return the secret; a relative path in *reference* starts from *folder*."""
        if self.offline:
            return Secret("")
        key = (reference, folder)
        # Read once: the check and the definitions must not see two versions of a file.
        if key not in self._resolved:
            self._resolved[key] = Secret(self._read(reference, folder))
        return self._resolved[key]

    def all(self) -> tuple[Secret, ...]:
        """Return every secret that was resolved, each once."""
        return tuple(dict.fromkeys(self._resolved.values()))

    def known(self, reference: SecretReference, folder: Path) -> Secret | None:
        """Return the secret that was resolved for *reference*, None when none was."""
        return self._resolved.get((reference, folder))

    def _read(self, reference: SecretReference, folder: Path) -> str:
        if reference.env is not None:
            name = f"the environment variable {reference.env}"
            if reference.env not in self.environment:
                raise SecretError(f"{name} is not set{_beside(folder, reference.env)}")
            return _checked(self.environment[reference.env], name)
        if reference.credential is not None:
            return self._credential(reference.credential)
        path = folder / (reference.file or "")
        return _content(path, f"the secret file {path}")

    def _credential(self, credential: str) -> str:
        directory = self.environment.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise SecretError(
                f"the credential {credential} is not there: CREDENTIALS_DIRECTORY is not set; "
                "systemd sets it for a unit with LoadCredential="
            )
        return _content(Path(directory) / credential, f"the credential {credential}")


def _beside(folder: Path, name: str) -> str:
    """Return which file in *folder* has the variable *name* and was not read; else nothing."""
    for file in (folder / ".env", folder / ".env.example"):
        try:
            is_there = name in env_file.read(file)
        except ConfigError:
            continue
        if is_there:
            shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
            return f"; {shown} has it: --env-file {shown} reads that"
    return ""


def _content(path: Path, name: str) -> str:
    try:
        content = bounded_read.read(path, largest=LARGEST)
    except bounded_read.UnreadableError as error:
        raise SecretError(f"{name} cannot be read: {error}") from None
    try:
        return _checked(content.decode().rstrip("\r\n"), name)
    except UnicodeDecodeError:
        raise SecretError(f"{name} is not UTF-8 text") from None


def _checked(secret: str, name: str) -> str:
    if not secret.strip():
        raise SecretError(f"{name} is empty")
    if _REFUSED.search(secret):
        raise SecretError(f"{name} holds a line break, a control character or bad UTF-8")
    return secret
