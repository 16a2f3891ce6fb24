"""Runs a backfill to its end, in a task of its own: what it reports, and which row it leaves.

Everything runs on the event loop. The backfill's row in the database is its mandate: it is written
before the first step, and deleted with the last one, or here where an error ended the backfill. It
stays where the daemon stops, for the next start, and where another daemon goes on with it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.errors import StorageError, WebhookdError
from webhookd.intake.backfilled_webhook import TakenOverError, still_is
from webhookd.storage.records import backfills
from webhookd.telemetry.events import BackfillBegan, BackfillEnded, BugFound, StorageRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.definitions import AllOf, Definitions, Webhook
    from webhookd.intake.backfill import Backfill
    from webhookd.intake.backfill_run import Running
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.records.backfills import StoredBackfill


class BackfillRunner:
    """Runs backfills that *make* makes, of webhooks as the *definitions* in force say."""

    def __init__(
        self,
        writer: Writer,
        make: Callable[..., Backfill],
        *,
        definitions: Callable[[], Definitions],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._writer = writer
        self._make = make
        self._definitions = definitions
        self._is_stopping = is_stopping

    async def begin(
        self,
        running: Running,
        asked: StoredBackfill,
        meant: AllOf | None,
        past: datetime | None,
    ) -> None:
        """Keep that the backfill *asked* for has begun, then run it; a dry run leaves no trace."""
        if not running.is_dry_run:
            try:
                await self._writer.write(partial(backfills.begin, backfill=asked))
            except StorageError as error:
                running.fail(str(error))
                return
            telemetry.report(BackfillBegan(asked.webhook, asked.per_second))
        await self.run(running, meant, past)

    def _in_force(self, begun: Webhook) -> Webhook:
        return still_is(self._definitions(), begun)

    async def run(self, running: Running, meant: AllOf | None, past: datetime | None) -> None:
        """Run the backfill from where it is to its end; *running* shows how far, and why it ended.

        Raises nothing: an error ends the backfill, a bug as well.
        """
        name, is_others = running.webhook.name, False
        try:
            await self._make(sleep=running.sleep).run(
                partial(self._in_force, running.webhook),
                where=meant,
                count_only=running.is_dry_run,
                per_second=running.per_second,
                past=past,
                made=running.made,
                progress=running.note,
                look=(lambda _: None) if running.unseen is None else running.unseen.look,
                note=running.note_incomparable,
            )
        except WebhookdError as error:
            running.fail(str(error))
            is_others = isinstance(error, TakenOverError)
        except Exception as error:  # noqa: BLE001 - a bug in a backfill ends only that
            telemetry.report(BugFound("backfill.broke", error, {"webhook": name}))
            running.fail("a bug in webhookd; its log has the details")
        if running.is_dry_run:
            return
        made = running.made
        telemetry.report(BackfillEnded(name, made.records, made.deliveries, running.error))
        # Its row stays for the next start, or for the daemon that goes on with it.
        if running.error is not None and not self._is_stopping() and not is_others:
            await self._forget(name)

    async def _forget(self, name: str) -> None:
        try:
            await self._writer.write(partial(backfills.end, webhook=name))
        except StorageError as error:
            # It is taken up again at the next start, and ended by what ended it now.
            telemetry.report(StorageRefused("a backfill's end", 1, str(error)))
