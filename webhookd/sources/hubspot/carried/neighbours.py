"""A type of records that others are associated with: how it is asked for, and refusals of it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.definitions.hubspot.carried import PRIMARY
from webhookd.sources.hubspot import properties
from webhookd.sources.polling.refusals import PollError
from webhookd.telemetry.events import LabelMissing, PropertiesMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from webhookd.definitions import HubspotAssociated
    from webhookd.sources.hubspot.answers.api import Api
    from webhookd.sources.hubspot.carried.associated_records import AssociatedRecords
    from webhookd.sources.hubspot.carried.associations import Label, Links, Pair

_CUSTOM: Final = re.compile(r"[1-9][0-9]*-[0-9]+|p_.*")
"""What types of objects are called that an account made itself."""


class Neighbour:
    """The records of the type *name* that those of *object_* are associated with."""

    def __init__(
        self,
        source: str,
        object_: str,
        name: str,
        *,
        api: Api,
        pair: Pair,
        records: AssociatedRecords,
    ) -> None:
        self._source = source
        self._object = object_
        self._name = name
        self._api = api
        self._pair = pair
        self.records = records
        self._told: set[object] = set()

    async def learn(self, blocks: Sequence[HubspotAssociated]) -> Mapping[str, str]:
        """Look up the names and types of the properties; warn of what *blocks* ask for in vain."""
        with self._refused():
            types = properties.types(await self._api.properties())
        lacking = self.records.know(types)
        missing = tuple(
            f"{one.prefix}.{name}" for one in blocks for name in one.properties if name in lacking
        )
        if missing and missing not in self._told:
            self._told.add(missing)
            telemetry.report(PropertiesMissing(self._source, self._object, missing))
        if any(one.label is not None or one.type_id is not None for one in blocks):
            await self._learn_labels(blocks)
        return types

    async def links(self, ids: Sequence[str]) -> Links:
        """Return what the records *ids* are associated with."""
        with self._refused():
            return await self._pair.read(ids)

    async def read(self, ids: Iterable[str]) -> None:
        """Read records of this type, those that were not read in this poll."""
        with self._refused():
            await self.records.read(ids)

    async def _learn_labels(self, blocks: Sequence[HubspotAssociated]) -> None:
        try:
            labels = await self._pair.labels()
        except PollError as error:
            if error.is_general:
                raise
            # They are asked for to warn of mistakes alone: what is read does not depend on them.
            return
        for block in blocks:
            asked = block.label if block.type_id is None else str(block.type_id)
            if asked is None or _has(block, labels) or (block.prefix, asked) in self._told:
                continue
            self._told.add((block.prefix, asked))
            there = tuple(f"{one.text or 'without a label'} ({one.type})" for one in labels)
            telemetry.report(LabelMissing(self._source, self._object, block.prefix, asked, there))

    @contextmanager
    def _refused(self) -> Iterator[None]:
        """Say what a refusal means: without what it carries, no record of the type is told."""
        try:
            yield
        except PollError as error:
            if error.refusal.concerns != "object":
                raise
            raise PollError(replace(error.refusal, why=self._meaning(error))) from None

    def _meaning(self, error: PollError) -> str:
        if error.refusal.status == "403":
            kind = "custom" if _CUSTOM.fullmatch(self._name) else self._name
            return (
                f"{self._object} wait: no permission to read associations to {self._name};"
                f" the token needs the scope crm.objects.{kind}.read ({error})"
            )
        return (
            f"{self._object} wait: associations to {self._name} cannot be read ({error}); some are"
            " readable in the other direction only, as webhooks of that type of object"
        )


def _has(block: HubspotAssociated, labels: Sequence[Label]) -> bool:
    if block.type_id is not None:
        return any(one.type == block.type_id for one in labels)
    if block.label == PRIMARY:
        return any(one.is_primary for one in labels)
    return any(one.text == block.label for one in labels)
