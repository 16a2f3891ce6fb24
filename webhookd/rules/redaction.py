"""Secrets out of text: what a receiver echoes must not reach the database, a log or a screen.

Every form of every secret is sought at once, with the automaton of Aho and Corasick (1975), by
`ahocorasick-rs`. With a thousand secrets (4,400 forms) the eight texts of a log line take 7 µs and
an answer of 4 KiB 91 µs, mostly to decode and escape it; a look into a table of beginnings at
every place took 36 µs and 780 µs. With five secrets the line takes 9 µs against 11 µs, the answer
106 µs either way. (CPU time, medians in turn. pyahocorasick seeks half as fast in an answer.)
Neither library adds a word to an automaton that is built, so a redactor is a row of layers, each
with its own: one more secret costs a small new layer and leaves the large one as it is.

What receivers answer is looked at twice: as it came, and with all its encodings undone (`escapes`),
against forms that were undone in the same way. So is any other text that has signs of encodings;
the texts of a log line hardly ever have, and to see that takes 0.2 µs.

Short secrets are sought only where one stands as a whole value (`whole_values`).
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from webhookd.definitions import Basic, OAuth2, Proxy
from webhookd.model import Secret, revealed
from webhookd.rules import literal_secrets
from webhookd.rules.encodings import Forms, forms_of
from webhookd.rules.escapes import BYTE_BY_BYTE, may_be_encoded, undone, without_begun
from webhookd.rules.form_layer import FormLayer
from webhookd.rules.token_exchange import basic_pair
from webhookd.rules.whole_values import WholeValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.definitions import Definitions, Request

MARK = "***"

_LOOKED_AT = 2
"""How many times the limit is looked at of an answer, so that replacing may shorten it."""

_SHORT_ANSWER, _ANSWERS_REMEMBERED = 100, 64
"""So many answers of at most this length are not looked through a second time."""

_LONGEST_UNDONE = 1 << 18
"""Characters of a text; a longer one, such as a request's body on a screen, is as we wrote it."""

_LAST_OF_TWO_DIGITS = 0xFF

# Control characters but tab and newline, and those that reverse or break lines unseen.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Redactor:
    """Replaces secrets, and their encoded forms, by `***`. A frozen value.

    *usernames* are those of Basic authentication, which is sent as Base64 of name and secret.
    """

    __slots__ = ("_answers", "_layers", "_longest", "_usernames", "_whole")

    def __init__(self, secrets: Iterable[Secret], *, usernames: Iterable[str] = ()) -> None:
        self._usernames = frozenset(usernames)
        forms = self._forms_of(secrets)
        self._set((FormLayer(forms.anywhere),) if forms.anywhere else (), _whole(forms.whole))

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
        return self._with((*kept, *last[:-1], FormLayer(forms)), whole)

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
        if may_be_encoded(text) and len(text) <= _LONGEST_UNDONE:
            spans = sorted(spans + self._encoded(text))
        return _without(text, spans) if spans else text

    def answer(self, body: bytes, *, limit: int = 2048, is_cut: bool) -> str:
        """Return the first *limit* bytes of an answer as text that is safe to store and to show.

        Secrets are replaced before it is shortened. Where the body *is_cut*, its end may be the
        beginning of a secret, which goes too.
        """
        if len(body) > _SHORT_ANSWER:
            return self._answer(body, limit, is_cut=is_cut)
        asked = body, limit, is_cut
        shown = self._answers.get(asked)
        if shown is None:
            if len(self._answers) >= _ANSWERS_REMEMBERED:
                self._answers.clear()
            shown = self._answers[asked] = self._answer(body, limit, is_cut=is_cut)
        return shown

    def _answer(self, body: bytes, limit: int, *, is_cut: bool) -> str:
        looked_at = limit * _LOOKED_AT + self._longest
        is_cut = is_cut or len(body) > looked_at
        text = _decoded(body[:looked_at], is_cut=is_cut)
        spans = sorted(self._found(text) + self._encoded(text))
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

    def _with(self, layers: tuple[FormLayer, ...], whole: WholeValues | None) -> Redactor:
        other = Redactor((), usernames=self._usernames)
        other._set(layers, whole)
        return other

    def _set(self, layers: tuple[FormLayer, ...], whole: WholeValues | None) -> None:
        self._layers, self._whole = layers, whole
        # What receivers say is the same nearly always. Several threads may remember at a time.
        self._answers: dict[tuple[bytes, int, bool], str] = {}
        self._longest = max((layer.longest for layer in layers), default=0)

    def _encoded(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets stand in *text* as an encoder wrote them that nobody thought of.

        What can be undone is undone, and looked at as well.
        """
        spans: list[tuple[int, int]] = []
        if wanted := [layer for layer in self._layers if layer.may_be_encoded_in(len(text))]:
            plain = undone(text)
            spans += [span for layer in wanted for span in layer.encoded(plain)]
        if self._whole:
            spans += self._whole.encoded(text)
        return spans

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
    """Decode UTF-8; of a body that is cut, without the first bytes of its last character.

    What is none is read as Latin-1, in which a receiver may write a secret as well.
    """
    return codecs.getincrementaldecoder("utf-8")(BYTE_BY_BYTE).decode(body, final=not is_cut)


def _escaped(character: re.Match[str]) -> str:
    code = ord(character[0])
    return f"\\x{code:02x}" if code <= _LAST_OF_TWO_DIGITS else f"\\u{code:04x}"


def _shortened(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")
