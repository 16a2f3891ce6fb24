"""Forms of secrets, all sought in one pass, by the automaton of Aho and Corasick (1975)."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from ahocorasick_rs import AhoCorasick

from webhookd.rules.escapes import undone, without_begun

if TYPE_CHECKING:
    from webhookd.rules.escapes import Undone

_SHORTEST_UNDONE = 4
"""Shorter ones would be found everywhere in a text without its case and line breaks."""

_SHORT_TEXT = 256
_FEW_FORMS = 16
"""Up to these, forms are sought one by one: the automaton gives the interpreter lock away at each
search, and the event loop then waits for other threads longer than the search takes."""

_SOUGHT = 48
"""Characters of a form that the automaton knows; the rest is compared where these stand. A token
of 1 KB has 15 KB of forms: whole, ten of them took 100 ms and 100 MB at every further token."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class FormLayer:
    """Some forms of secrets, sought as they are, and without the encodings in and around them."""

    __slots__ = ("_find", "_ordered", "_plain", "forms", "longest", "shortest")

    def __init__(self, forms: frozenset[str]) -> None:
        self.forms = forms
        self.longest, self.shortest = max(map(len, forms)), min(map(len, forms))
        self._ordered = sorted(forms)
        beginnings = [form[:_SOUGHT] for form in self._ordered]
        self._find = AhoCorasick(beginnings).find_matches_as_indexes
        # The forms as `undone` leaves them, made for the first answer that is looked at.
        self._plain: FormLayer | None = None

    def holds_one(self, text: str) -> bool:
        """Return whether *text* may hold a form."""
        if len(text) < self.shortest:
            return False
        if len(text) <= _SHORT_TEXT and len(self._ordered) <= _FEW_FORMS:
            # any() would take three times as long.
            for form in self._ordered:  # noqa: SIM110
                if form in text:
                    return True
            return False
        try:
            return bool(self._find(text))
        except UnicodeEncodeError:
            return True

    def found(self, text: str) -> list[tuple[int, int]]:
        """Return where forms begin and end in *text*, those inside others as well."""
        # Half a surrogate pair, as in names of files: no secret holds one, and places stay.
        whole = _SURROGATE.sub("\ufffd", text)
        return [
            (start, start + len(form))
            for index, start, _ in self._find(whole, overlapping=True)
            if whole.startswith(form := self._ordered[index], start)
        ]

    def begun(self, text: str) -> int:
        """Return where the longest beginning of a form at the end of *text* starts."""
        for start in range(max(0, len(text) - self.longest), len(text)):
            end = text[start:]
            place = bisect_left(self._ordered, end)
            if place < len(self._ordered) and self._ordered[place].startswith(end):
                return start
        return len(text)

    def may_be_encoded_in(self, length: int) -> bool:
        """Return whether a text of *length* may hold a form: what is undone only gets shorter."""
        plain = self._undone()
        return plain is not None and plain.shortest <= length

    def encoded(self, answer: Undone) -> list[tuple[int, int]]:
        """Return where forms stand in the text of which *answer* is what is left undone."""
        plain = self._undone()
        if plain is None or not plain.holds_one(answer.text):
            return []
        return [
            (answer.starts[start], answer.ends[end - 1]) for start, end in plain.found(answer.text)
        ]

    def begun_encoded(self, answer: Undone, length: int) -> int:
        """Return where in its text the longest beginning of a form at *answer*'s end starts.

        *length*, that of the text, when there is none.
        """
        plain = self._undone()
        if plain is None:
            return length
        # The last characters may be of an escape that stands in the secret itself.
        ends = (answer.text, without_begun(answer.text))
        begun = [start for one in ends if (start := plain.begun(one)) < len(one)]
        return answer.starts[min(begun)] if begun else length

    def _undone(self) -> FormLayer | None:
        if self._plain is None:
            # Behind `=`, a line break says that the line goes on, and `=` goes with it.
            plain = frozenset(undone(form).text.rstrip("=") for form in self.forms)
            fit = frozenset(form for form in plain if len(form) >= _SHORTEST_UNDONE)
            if not fit:
                return None
            self._plain = FormLayer(fit)
        return self._plain
