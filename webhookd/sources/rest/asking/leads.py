"""What an answer has to ask with next: a cursor, a token or a link, in its JSON or a header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd.rules.json_query import Query, QueryError
from webhookd.sources.rest.answers import links
from webhookd.sources.rest.answers.shapes import kind, shape

if TYPE_CHECKING:
    from webhookd.definitions import RestDetect, RestPaging
    from webhookd.sources.polling.api_client import ApiAnswer
    from webhookd.sources.polling.refusals import PollError
    from webhookd.sources.rest.asking.composed_requests import Asked
    from webhookd.sources.rest.asking.named_keys import Keys
    from webhookd.sources.rest.asking.rest_api import Api


@dataclass(frozen=True, slots=True)
class Lead:
    """Where an answer has it: *query* finds it, or a *header* has it; errors name the key *key*.

    *is_link*: only its path and query are followed. *is_own*: the key is within the list's.
    """

    key: str
    query: Query | None
    header: str | None
    is_link: bool
    is_own: bool = True

    def find(self, value: Any, asked: Asked, answer: ApiAnswer, api: Api, keys: Keys) -> str | None:
        """Return what the answer to *asked* has, None where it has none; PollError if it is wrong.

        A link is returned as the path and query that it leads to.
        """
        found = self._raw(value, answer, keys)
        if found is None or found is False or found == "":
            return None
        if isinstance(found, (dict, list, bool)) or not str(found).isprintable():
            raise self._wrong(keys, f"it finds {kind(found)}, which leads nowhere")
        if not self.is_link:
            return str(found)
        try:
            return api.link(str(found), asked)
        except links.ForeignLinkError as error:
            raise self._wrong(keys, f"the link is not followed: {error}") from None

    def lack(self, value: Any) -> str:
        """Return in words that an answer has none."""
        if self.query is None:
            return f"the answer has no header {self.header!r}"
        return f"{self.query.text!r} finds nothing in the answer, {shape(value)}"

    def missing(self, lack: str, keys: Keys) -> PollError:
        """Return the error that an answer has none, though it must."""
        return self._wrong(keys, lack)

    def _raw(self, value: Any, answer: ApiAnswer, keys: Keys) -> Any:
        if self.query is not None:
            try:
                return self.query.find(value)
            except QueryError as error:
                raise self._wrong(keys, f"{self.query.text!r} breaks: {error}") from None
        name = (self.header or "link").lower()
        found = answer.headers.get(name)
        return links.next_of(found) if found is not None and name == "link" else found

    def _wrong(self, keys: Keys, why: str) -> PollError:
        return keys.wrong(self.key, why, own=self.is_own)


def of_paging(paging: RestPaging) -> Lead:
    """Return where an answer has what leads to the next page."""
    is_link = paging.by == "link"
    header = paging.header if is_link else paging.next_header
    key = "next" if paging.next is not None else "header" if is_link else "next_header"
    return Lead(f"paging.{key}", _compiled(paging.next), header, is_link)


def of_token(detect: RestDetect) -> Lead | None:
    """Return where an answer has the token to ask with next; None without one."""
    if detect.by != "token":
        return None
    key = "next_header" if detect.next is None else "next"
    query, header = _compiled(detect.next), detect.next_header
    return Lead(f"detect.{key}", query, header, detect.is_link, is_own=False)


def _compiled(text: str | None) -> Query | None:
    return None if text is None else Query(text)
