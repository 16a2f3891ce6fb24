"""Several real daemons on one PostgreSQL: one configuration, one drop directory, a state each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import psycopg

from tests.daemon import Daemon, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.receiver import Receiver


def hook(receiver: Receiver, path: str = "/hook", **delivery: Any) -> dict[str, Any]:
    """Return a webhook of all that comes, for *receiver*."""
    request = {"url": f"{receiver.url}{path}", "allow_http": True}
    return {"source": "export", "object": "contacts", "request": request, "delivery": delivery}


class Fleet:
    """So many daemons in *folder*, on the database at *url*. A context manager: it ends them."""

    def __init__(
        self, folder: Path, url: str, count: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.url = url
        self._environment = {"WEBHOOKD_DATABASE_URL": url, **(environment or {})}
        self.daemons = [self._daemon(number) for number in range(count)]
        self.statuses: list[int] = []

    def _daemon(self, number: int) -> Daemon:
        one = Daemon(self.folder, self._environment)
        one.state = self.folder / f"state-{number}"
        return one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self.daemons:
            daemon.close()

    def configure(self, webhooks: Mapping[str, Any], **more: Any) -> None:
        """Write the configuration of all."""
        self.daemons[0].configure(webhooks, **more)

    def start(self) -> None:
        """Start all, and wait until they are ready."""
        for daemon in self.daemons:
            daemon.start()

    def stop(self) -> list[int]:
        """Stop all in order, and return how they ended."""
        return [daemon.stop() for daemon in self.daemons]

    def revive(self) -> None:
        """Start those that ended by themselves, as their supervisors do; note how they ended."""
        for daemon in self.daemons:
            if daemon.has_ended:
                self.statuses.append(daemon.wait())
                daemon.start(is_awaited=False)

    def drop(self, name: str, content: str | bytes) -> None:
        """Drop a file into the directory of all."""
        self.daemons[0].drop(name, content)

    def drop_rows(self, name: str, *rows: Mapping[str, Any]) -> None:
        """Drop an ndjson file of *rows*."""
        self.daemons[0].drop_rows(name, *rows)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what *query* finds in the database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def look(self, query: str) -> Any:
        """Return the one value that *query* finds in the database."""
        return self.rows(query)[0][0]

    @property
    def is_settled(self) -> bool:
        """Return whether nothing waits: no file, and no delivery."""
        crm = self.folder / "crm"
        if any(path for name in ("new", "work") for path in (crm / name).glob("*")):
            return False
        return bool(self.look("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL") == 0)

    def reader(self) -> Daemon:
        """Return the one that claimed a file last."""

        def claimed() -> list[tuple[str, int]]:
            return sorted(
                (daemon.named("file.claimed")[-1]["timestamp"], number)
                for number, daemon in enumerate(self.daemons)
                if daemon.named("file.claimed")
            )

        return self.daemons[until(claimed, "somebody claims a file")[-1][1]]
