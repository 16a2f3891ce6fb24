"""Which records are associated with records: one request for many, and what it answers.

An answer has several statuses in one (207) as soon as one record has no associations at all, which
is ordinary. What is neither said to have some nor to have none is not taken for having none: the
poll fails, and nothing is sent with a hole in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from webhookd.sources.hubspot.answers.api import path_of
from webhookd.sources.hubspot.answers.batch_reads import OF_ONE
from webhookd.sources.hubspot.answers.responses import following, id_of, text_or_none
from webhookd.sources.polling.refusals import PollError, nonsense

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhookd.sources.polling.api_client import ApiAnswer, ApiClient

MOST_INPUTS: Final = 1000
"""Records that one request may ask about."""

MOST_PAGES: Final = 20
"""Pages of the associations of one record; what is behind them is cut off."""

MOST_REFUSED: Final = 10
"""Records of one reading that may be refused alone; where more are, the trouble is not theirs."""

_MOST_ALONE: Final = 10
"""Records that an answer may say nothing of before it is nonsense; they are asked for alone."""

_NONE: Final = "crm.associations.NO_ASSOCIATIONS_FOUND"
_GONE: Final = "OBJECT_NOT_FOUND"
_MULTI_STATUS: Final = 207
_HUBSPOT_DEFINED: Final = "HUBSPOT_DEFINED"
_PRIMARY: Final = "Primary"


@dataclass(frozen=True, slots=True)
class Link:
    """An association with the record *id*: its *labels*, and the numbers of its *types*."""

    id: str
    labels: frozenset[str] = frozenset()
    types: frozenset[int] = frozenset()
    is_primary: bool = False

    def joined(self, other: Link) -> Link:
        """Return this link and *other* to the same record as one."""
        is_primary = self.is_primary or other.is_primary
        return Link(self.id, self.labels | other.labels, self.types | other.types, is_primary)


@dataclass(frozen=True, slots=True)
class Label:
    """A label that associations may have: its *text*, empty for none, and its *type*'s number."""

    text: str
    type: int | None
    is_primary: bool


@dataclass(slots=True)
class Links:
    """Associations by record. Those *gone* are not there any more, *cut* have more than is read.

    *bad* says what is wrong with associations that cannot be understood, by record, and *refused*
    counts those of which the API gave none.
    """

    of: dict[str, dict[str, Link]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    bad: dict[str, str] = field(default_factory=dict)
    refused: int = 0

    def add(self, id_: str, link: Link) -> None:
        """Note that the record *id_* has *link*."""
        links = self.of.setdefault(id_, {})
        before = links.get(link.id)
        links[link.id] = link if before is None else before.joined(link)


class Pair:
    """Reads the associations *from_* records of one type *to* those of another."""

    def __init__(self, client: ApiClient, api_version: str, from_: str, to: str) -> None:
        # Labels are told of by no older version than the fourth.
        version = "v4" if api_version.startswith("v") else api_version
        self._client = client
        self._path = f"{path_of(version, 'associations')}/{from_}/{to}"
        self._to = to

    async def read(self, ids: Sequence[str]) -> Links:
        """Return the associations of the records *ids*."""
        links = Links()
        wanted: dict[str, str | None] = dict.fromkeys(ids)
        for _ in range(MOST_PAGES):
            further: dict[str, str | None] = {}
            inputs = list(wanted.items())
            for start in range(0, len(inputs), MOST_INPUTS):
                further |= await self._ask(dict(inputs[start : start + MOST_INPUTS]), links)
            if not further:
                break
            wanted = further
        else:
            links.cut.update(wanted)
        return links

    async def labels(self) -> tuple[Label, ...]:
        """Return the labels that such associations may have."""
        content = (await self._client.call("GET", f"{self._path}/labels")).content
        return tuple(map(_label, _objects(content.get("results"), "results")))

    async def _ask(self, wanted: Mapping[str, str | None], links: Links) -> dict[str, str | None]:
        """Add the associations of *wanted* to *links*; return what leads to further pages."""
        try:
            answer = await self._request(wanted)
        except PollError as error:
            if error.refusal.status not in OF_ONE:
                raise
            if len(wanted) == 1:
                return _left_out(next(iter(wanted)), error, links)
            # How many it may ask about is not written anywhere.
            halves = list(wanted.items())
            middle = len(halves) // 2
            first = await self._ask(dict(halves[:middle]), links)
            return first | await self._ask(dict(halves[middle:]), links)
        told = self._told(answer, wanted, links)
        silent = [id_ for id_ in wanted if id_ not in told.answered]
        if not silent or (answer.status != _MULTI_STATUS and not told.foreign):
            return told.following
        if len(wanted) == 1:
            self._judge(silent[0], told, links)
            return told.following
        if len(silent) > _MOST_ALONE:
            why = f"the API does not say what {len(silent)} records are associated with"
            raise nonsense(why)
        for id_ in silent:
            told.following.update(await self._ask({id_: wanted[id_]}, links))
        return told.following

    def _judge(self, id_: str, told: _Told, links: Links) -> None:
        """Note what an answer means that says nothing of the one record it was asked for."""
        if told.foreign or told.is_gone:
            # It became part of another record, or ended, since it was read.
            links.gone.add(id_)
        elif not told.is_none:
            raise nonsense("the API does not say what a record is associated with")

    async def _request(self, wanted: Mapping[str, str | None]) -> ApiAnswer:
        inputs = [
            {"id": id_} if after is None else {"id": id_, "after": after}
            for id_, after in wanted.items()
        ]
        return await self._client.call("POST", f"{self._path}/batch/read", {"inputs": inputs})

    def _told(self, answer: ApiAnswer, wanted: Mapping[str, str | None], links: Links) -> _Told:
        told = _Told()
        for one in _objects(answer.content.get("results"), "results"):
            from_ = one.get("from")
            id_ = text_or_none(from_.get("id")) if isinstance(from_, dict) else None
            if id_ not in wanted or id_ is None:
                told.foreign = True
                continue
            told.answered.add(id_)
            try:
                for link in _links(one):
                    links.add(id_, link)
            except (TypeError, ValueError) as error:
                links.bad[id_] = f"its associations with {self._to} cannot be understood: {error}"
            after, lacks_after = following(one)
            if after is not None:
                told.following[id_] = after
            elif lacks_after:
                links.cut.add(id_)
        for fault in _objects(answer.content.get("errors") or [], "errors"):
            self._note(fault, told, links)
        return told

    def _note(self, error: Mapping[str, Any], told: _Told, links: Links) -> None:
        ids = set(_named(error))
        if error.get("subCategory") == _NONE:
            told.answered |= ids
            told.is_none = True
        elif error.get("category") == _GONE:
            told.answered |= ids
            links.gone |= ids
            told.is_gone = True
        else:
            category = str(error.get("category"))
            raise nonsense(f"the API could not read associations with {self._to}: {category:.60}")


def _left_out(id_: str, error: PollError, links: Links) -> dict[str, str | None]:
    """Note that one record alone is refused; raise *error* where that is so of too many."""
    links.bad[id_] = f"its associations are refused: {error}"
    links.refused += 1
    if links.refused > MOST_REFUSED:
        raise error
    return {}


@dataclass(slots=True)
class _Told:
    """What one answer says: of which records, and what leads to further pages of some.

    *foreign*: it speaks of records that were not asked for. *is_none*, *is_gone*: it says so of
    some, by name or not.
    """

    answered: set[str] = field(default_factory=set)
    following: dict[str, str | None] = field(default_factory=dict)
    foreign: bool = False
    is_none: bool = False
    is_gone: bool = False


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise nonsense(f"the API's answer about associations cannot be understood: its '{name}'")
    return listed


def _label(kind: Mapping[str, Any]) -> Label:
    """Return the label that one of an association's types is."""
    text, number = kind.get("label"), text_or_none(kind.get("typeId"))
    told = str(text) if isinstance(text, str) else ""
    is_own = kind.get("category") == _HUBSPOT_DEFINED
    is_number = number is not None and number.isdigit()
    return Label(told, int(number or 0) if is_number else None, is_own and _PRIMARY in told)


def _links(one: Mapping[str, Any]) -> Iterator[Link]:
    to = one.get("to")
    if not isinstance(to, list):
        raise TypeError("'to' is not a list")
    for target in to:
        if not isinstance(target, dict):
            raise TypeError("one of them is not an object")
        types = target.get("associationTypes") or []
        if not isinstance(types, list):
            raise TypeError("'associationTypes' is not a list")
        labels = [_label(kind) for kind in types if isinstance(kind, dict)]
        yield Link(
            id_of(target.get("toObjectId")),
            frozenset(one.text for one in labels if one.text),
            frozenset(one.type for one in labels if one.type is not None),
            any(one.is_primary for one in labels),
        )


def _named(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the records that an error is about."""
    context = error.get("context")
    for key in ("fromObjectId", "ids", "id"):
        value = context.get(key) if isinstance(context, dict) else None
        for one in value if isinstance(value, list) else [value]:
            if text := text_or_none(one):
                yield text
