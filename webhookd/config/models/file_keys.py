"""The keys of one place in the file, and what may stand at many places: secrets and values."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from webhookd.config import paths

# As written in the file; `scalars.json_of` gives its text.
Value: TypeAlias = Any


class Keys(BaseModel):
    """The keys of one place in the file: no others, and never changed.

    A dataclass of the definitions in a field of it takes no other keys either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretReference(Keys):
    """Where a secret is found; exactly one of the three.

    The patterns stand here as well, so that nothing that is no reference is looked up: a
    message about it would show what may be the secret itself.
    """

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,199}$")
    file: Annotated[
        str | None,
        Field(pattern=r"^[^\x00-\x1f\x7f]{1,4096}$"),
        AfterValidator(lambda path: path and paths.checked(path)),
    ] = None
    credential: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}$")
