"""Secrets out of text: what a receiver echoes must not reach the database, a log or a screen.

Every form of every secret is sought at once, with the automaton of Aho and Corasick (1975), by
`ahocorasick-rs`. With a thousand secrets (4,400 forms) the eight texts of a log line take 7 µs and
an answer of 4 KiB 91 µs, mostly to decode and escape it; a look into a table of beginnings at
every place took 36 µs and 780 µs. With five secrets the line takes 9 µs against 11 µs, the answer
106 µs either way. (CPU time, medians in turn. pyahocorasick seeks half as fast in an answer.)
Neither library adds a word to an automaton that is built, so a redactor is a row of layers, each
with its own: one more secret costs a small new layer and leaves the large one as it is.

What receivers answer is looked at twice: as it came, and with all its encodings undone (`escapes`),
against forms that were undone in the same way.

Short secrets are sought only where one stands as a whole value (`whole_values`).
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from ahocorasick_rs import AhoCorasick

from webhookd.definitions import Basic, OAuth2, Proxy
from webhookd.model import Secret, revealed
from webhookd.rules import literal_secrets
from webhookd.rules.encodings import Forms, forms_of
from webhookd.rules.escapes import undone, without_begun
from webhookd.rules.token_exchange import basic_pair
from webhookd.rules.whole_values import WholeValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.definitions import Definitions, Request
    from webhookd.rules.escapes import Undone

MARK = "***"

_LOOKED_AT = 2
"""How many times the limit is looked at of an answer, so that replacing may shorten it."""

_SHORTEST_UNDONE = 4
"""Shorter ones would be found everywhere in a text without its case and line breaks."""

_SHORT_TEXT = 256
_FEW_FORMS = 16
"""Up to these, forms are sought one by one: the automaton gives the interpreter lock away at each
search, and the event loop then waits for other threads longer than the search takes."""

_SOUGHT = 48
"""Characters of a form that the automaton knows; the rest is compared where these stand. A token
of 1 KB has 15 KB of forms: whole, ten of them took 100 ms and 100 MB at every further token."""

_LAST_OF_TWO_DIGITS = 0xFF

# Control characters but tab and newline, and those that reverse or break lines unseen.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Redactor:
    """Replaces secrets, and their encoded forms, by `***`. A frozen value.

    *usernames* are those of Basic authentication, which is sent as Base64 of name and secret.
    """

    __slots__ = ("_layers", "_longest", "_usernames", "_whole")

    def __init__(self, secrets: Iterable[Secret], *, usernames: Iterable[str] = ()) -> None:
        self._usernames = frozenset(usernames)
        forms = self._forms_of(secrets)
        self._set((_Layer(forms.anywhere),) if forms.anywhere else (), _whole(forms.whole))

    @classmethod
    def of(cls, definitions: Definitions) -> Redactor:
        """Return the redactor for every secret of *definitions*, literal ones included."""
        requests = [webhook.request for webhook in definitions.webhooks.values()]
        basics = [one.authentication for one in requests] + [
            one.proxy.authentication for one in requests if isinstance(one.proxy, Proxy)
        ]
        usernames = {revealed(one.username) for one in basics if isinstance(one, Basic)}
        literal = dict.fromkeys(text for request in requests for text in _literal(request))
        return cls((*definitions.secrets, *map(Secret, literal)), usernames=usernames)

    def also(self, *secrets: Secret) -> Redactor:
        """Return a redactor that hides *secrets*, too, in every form, without building all anew."""
        fresh, known = self._forms_of(secrets), self._whole.forms if self._whole else frozenset()
        whole = self._whole if fresh.whole <= known else _whole(known | fresh.whole)
        if all(any(form in layer.forms for layer in self._layers) for form in fresh.anywhere):
            return self if whole is self._whole else self._with(self._layers, whole)
        # The first layer is the configuration's, and may be large; the last one is small.
        kept, last = self._layers[:1], self._layers[1:]
        forms = fresh.anywhere.union(*(layer.forms for layer in last[-1:]))
        return self._with((*kept, *last[:-1], _Layer(forms)), whole)

    def joined(self, other: Redactor) -> Redactor:
        """Return a redactor that hides what either of both hides."""
        added = tuple(layer for layer in other._layers if layer not in self._layers)
        whole = self._whole or other._whole
        if self._whole and other._whole:
            whole = _whole(self._whole.forms | other._whole.forms)
        return self._with(self._layers + added, whole)

    def text(self, text: str) -> str:
        """Return *text* with every secret replaced."""
        spans = self._found(text)
        return _without(text, spans) if spans else text

    def answer(self, body: bytes, *, limit: int = 2048, is_cut: bool) -> str:
        """Return the first *limit* bytes of an answer as text that is safe to store and to show.

        Secrets are replaced before it is shortened. Where the body *is_cut*, its end may be the
        beginning of a secret, which goes too.
        """
        looked_at = limit * _LOOKED_AT + self._longest
        is_cut = is_cut or len(body) > looked_at
        text = _decoded(body[:looked_at], is_cut=is_cut)
        spans = self._found(text)
        # An encoder that nobody thought of: what can be undone is undone, and looked at as well.
        if wanted := [layer for layer in self._layers if layer.may_be_encoded_in(len(text))]:
            plain = undone(text)
            spans = sorted(spans + [span for layer in wanted for span in layer.encoded(plain)])
        if self._whole:
            spans = sorted(spans + self._whole.encoded(text))
        if is_cut:
            plain = undone(without_begun(text))
            begun = [layer.begun(text) for layer in self._layers]
            begun += [layer.begun_encoded(plain, len(text)) for layer in self._layers]
            spans = sorted([*spans, (min(begun, default=len(text)), len(text))])
        return _shortened(_UNSAFE.sub(_escaped, _without(text, spans)), limit)

    def _forms_of(self, secrets: Iterable[Secret]) -> Forms:
        found = [forms_of(secret.reveal(), self._usernames) for secret in secrets]
        return Forms(
            frozenset().union(*(forms.anywhere for forms in found)),
            frozenset().union(*(forms.whole for forms in found)),
        )

    def _with(self, layers: tuple[_Layer, ...], whole: WholeValues | None) -> Redactor:
        other = Redactor((), usernames=self._usernames)
        other._set(layers, whole)
        return other

    def _set(self, layers: tuple[_Layer, ...], whole: WholeValues | None) -> None:
        self._layers, self._whole = layers, whole
        self._longest = max((layer.longest for layer in layers), default=0)

    def _found(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets stand, in order; where they overlap, each."""
        # Every text of every log line comes by here, and hardly any holds a secret.
        spans: list[tuple[int, int]] = []
        for layer in self._layers:
            if layer.holds_one(text):
                spans += layer.found(text)
        if self._whole:
            spans += self._whole.found(text)
        spans.sort()
        return spans


class _Layer:
    """Some forms of secrets, all sought in one pass."""

    __slots__ = ("_find", "_ordered", "_plain", "forms", "longest", "shortest")

    def __init__(self, forms: frozenset[str]) -> None:
        self.forms = forms
        self.longest, self.shortest = max(map(len, forms)), min(map(len, forms))
        self._ordered = sorted(forms)
        beginnings = [form[:_SOUGHT] for form in self._ordered]
        self._find = AhoCorasick(beginnings).find_matches_as_indexes
        # The forms as `undone` leaves them, made for the first answer that is looked at.
        self._plain: _Layer | None = None

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

    def _undone(self) -> _Layer | None:
        if self._plain is None:
            plain = frozenset(undone(form).text for form in self.forms)
            fit = frozenset(form for form in plain if len(form) >= _SHORTEST_UNDONE)
            if not fit:
                return None
            self._plain = _Layer(fit)
        return self._plain


def _whole(forms: frozenset[str]) -> WholeValues | None:
    return WholeValues(forms) if forms else None


def _literal(request: Request) -> Iterator[str]:
    """Yield the secrets that stand in *request* as they are."""
    yield from literal_secrets.secrets_of_url(request.url)
    for name, value in request.headers:
        yield from literal_secrets.secrets_of_header(name, value)
    client = request.authentication
    if isinstance(client, OAuth2):
        # A token server may repeat the header that it was sent.
        yield basic_pair(client)
        yield from literal_secrets.secrets_of_url(client.token_url)
        for name, value in client.parameters:
            yield from literal_secrets.secrets_of_header(name, value)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Return *text* with *spans*, which are in order and may overlap, replaced."""
    pieces, kept_from = [], 0
    for start, end in _joined(spans):
        pieces += [text[kept_from:start], MARK]
        kept_from = end
    return "".join([*pieces, text[kept_from:]])


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif start < end:
            joined.append((start, end))
    return joined


def _decoded(body: bytes, *, is_cut: bool) -> str:
    """Decode UTF-8; of a body that is cut, without the first bytes of its last character."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(body, final=not is_cut)


def _escaped(character: re.Match[str]) -> str:
    code = ord(character[0])
    return f"\\x{code:02x}" if code <= _LAST_OF_TWO_DIGITS else f"\\u{code:04x}"


def _shortened(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")
