"""What a check may know beyond the node that it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from webhookd.config.models import SecretReference
from webhookd.config.secrets import SecretError

if TYPE_CHECKING:
    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Node
    from webhookd.config.tls_files import TlsFiles
    from webhookd.errors import Problem
    from webhookd.model import Secret


@dataclass(frozen=True)
class Context:
    """The rest of the configuration, and the doors to secrets and files.

    *is_whole* says that every file could be read: otherwise an unknown name may well be
    defined in the one that could not.
    """

    apps: dict[str, Node]
    sources: dict[str, Node]
    named_secrets: dict[str, Node]
    defaults: Node | None
    secrets: Secrets
    tls_files: TlsFiles
    is_whole: bool

    @property
    def offline(self) -> bool:
        """Return whether secrets and files are left alone."""
        return self.secrets.offline

    def secret(self, node: Node) -> Secret | None:
        """Return the secret that the reference *node* names, None when there is none."""
        try:
            return self._resolve(node)
        except SecretError:
            return None

    def named_secret(self, name: str) -> Secret | None:
        """Return the secret *name* of the section `secrets`, None when there is none."""
        node = self.named_secrets.get(name)
        return None if node is None else self.secret(node)

    def secret_problem(self, node: Node) -> Problem | None:
        """Return why the secret that the reference *node* names cannot be had."""
        try:
            self._resolve(node)
        except SecretError as error:
            return node.problem(str(error))
        return None

    def _resolve(self, node: Node) -> Secret | None:
        found = reference(node)
        return None if found is None or self.offline else self.secrets.resolve(found, node.folder)


def reference(node: Node) -> SecretReference | None:
    """Return the secret reference in *node*; None when it is not one (the schema says so)."""
    written = node.value
    if not isinstance(written, dict) or len(written) != 1:
        return None
    try:
        found = SecretReference.model_validate(written)
    except ValidationError:
        return None
    return None if None in written.values() else found
