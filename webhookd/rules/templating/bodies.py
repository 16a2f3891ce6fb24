"""Bodies from templates: JSON, a form, XML or text, each value encoded for where it stands.

The template's own text is written once, when it is read; of a record come values alone. So no value
can add a key, a tag or a parameter. What a secret stands for is a hole in the bytes: an attempt
fills it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from webhookd.definitions.templates import Constant, Items, Members, MixedText
from webhookd.rules.json_text import text as json_text
from webhookd.rules.templating import body_encoding
from webhookd.rules.templating.content_types import Kind, kind_of
from webhookd.rules.templating.evaluation import evaluator
from webhookd.rules.templating.filters import texts_of_list
from webhookd.rules.templating.scope import LARGEST, Scope, TooLargeError
from webhookd.rules.templating.unfilled import revealed
from webhookd.rules.templating.values import OMIT, Hole, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from webhookd.definitions import ValueReading
    from webhookd.definitions.templates import BodyTemplate, Expression, Tree
    from webhookd.model import Secret
    from webhookd.rules.templating.values import Evaluate

    Write: TypeAlias = Callable[[Scope, list[str]], bool]
    """Adds pieces, a `Hole` among them; returns whether there is anything: False is `omit`."""
    Encode: TypeAlias = Callable[[str], str]

_MOST: Final = 10_000
_writers: dict[int, tuple[BodyTemplate, Write, Callable[[str], bytes]]] = {}


class RenderedBody(NamedTuple):
    """A body's bytes, and the holes in it: where each is, counted in bytes, and whose secret's."""

    content: bytes
    holes: tuple[tuple[int, str], ...] = ()


def render_body(template: BodyTemplate, scope: Scope) -> RenderedBody:
    """Return the body that *template* makes of *scope*, or raise a `TooLargeError`."""
    pieces: list[str] = []
    write, encode = _prepared(template)
    write(scope, pieces)
    if not any(isinstance(piece, Hole) for piece in pieces):
        return RenderedBody(_bounded(encode("".join(pieces))))
    content, holes = bytearray(), []
    for piece in pieces:
        if isinstance(piece, Hole):
            holes.append((len(content), str(piece)))
        else:
            content += encode(piece)
    return RenderedBody(_bounded(bytes(content)), tuple(holes))


def with_secrets(
    body: bytes, holes: Iterable[tuple[int, str]], content_type: str, secrets: Mapping[str, Secret]
) -> bytes:
    """Return a frozen *body* with its *holes* filled, as its *content_type* asks.

    Raises an `UnfilledError` for a secret that is not there any more.
    """
    pieces: list[bytes] = []
    kept_from = 0
    for place, name in holes:
        pieces += (
            body[kept_from:place],
            body_encoding.encoded(content_type, revealed(secrets, name)),
        )
        kept_from = place
    return b"".join([*pieces, body[kept_from:]])


def _bounded(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise TooLargeError
    return content


def _prepared(template: BodyTemplate) -> tuple[Write, Callable[[str], bytes]]:
    """Return what writes the pieces of *template*, and what makes bytes of them."""
    # By identity, as conditions are prepared: the entry keeps the template alive.
    entry = _writers.get(id(template))
    if entry is None:
        if len(_writers) >= _MOST:
            _writers.clear()
        encode = body_encoding.ENCODERS[kind_of(template.content_type)]
        entry = _writers[id(template)] = (template, _made(template), encode)
    return entry[1:]


def _made(template: BodyTemplate) -> Write:
    match kind_of(template.content_type):
        case Kind.JSON:
            return _json_writer(template.root, template.reading)
        case Kind.FORM:
            return _form_writer(template.root, template.reading)
        case Kind.XML:
            return _text_writer(template.root, template.reading, body_encoding.xml_text)
        case Kind.TEXT:
            return _text_writer(template.root, template.reading, body_encoding.as_it_is)


def _json_writer(tree: Tree, reading: ValueReading) -> Write:
    match tree:
        case Members(members):
            named = [(f"{json_text(name)}:", member) for name, member in members]
            return _container("{", "}", named, reading)
        case Items(items):
            return _container("[", "]", [("", item) for item in items], reading)
        case MixedText(parts):
            return _json_text_writer(parts, reading)
        case Constant(value):
            return _constant(value)
        case _:
            return _json_value(evaluator(tree, reading))


def _json_value(value_of: Evaluate) -> Write:
    def write(scope: Scope, pieces: list[str]) -> bool:
        value = value_of(scope)
        if isinstance(value, Hole):
            pieces += ('"', value, '"')
        elif value == OMIT:
            return False
        else:
            scope.draw(len(value))
            pieces.append(value)
        return True

    return write


def _json_text_writer(parts: tuple[str | Expression, ...], reading: ValueReading) -> Write:
    write_parts = _parts(parts, reading, body_encoding.json_part, body_encoding.json_part)

    def write(scope: Scope, pieces: list[str]) -> bool:
        pieces.append('"')
        write_parts(scope, pieces)
        pieces.append('"')
        return True

    return write


def _container(begin: str, end: str, named: list[tuple[str, Tree]], reading: ValueReading) -> Write:
    """Return what writes a map or a list, whose members have their beginnings (`"name":`)."""
    members = [(start, f",{start}", _json_writer(member, reading)) for start, member in named]

    def write(scope: Scope, pieces: list[str]) -> bool:
        pieces.append(begin)
        is_first = True
        for first, later, write_member in members:
            pieces.append(first if is_first else later)
            if write_member(scope, pieces):
                is_first = False
            else:
                pieces.pop()
        pieces.append(end)
        return True

    return write


def _form_writer(tree: Tree, reading: ValueReading) -> Write:
    if not isinstance(tree, Members):
        raise TypeError("a form is made of a map")
    fields = [
        (f"{body_encoding.form_text(name)}=", _form_values(one, reading))
        for name, member in tree.members
        for one in (member.items if isinstance(member, Items) else (member,))
    ]

    def write(scope: Scope, pieces: list[str]) -> bool:
        mark = ""
        for name, values_of in fields:
            for value in values_of(scope):
                pieces += (mark, name, *value)
                mark = "&"
        return True

    return write


def _form_values(tree: Tree, reading: ValueReading) -> Callable[[Scope], list[list[str]]]:
    """Return what gives the pieces of a field's values.

    A list has one value for each item; what is omitted has none.
    """
    if isinstance(tree, MixedText):
        write_parts = _parts(tree.parts, reading, body_encoding.form_text, body_encoding.form_text)

        def text(scope: Scope) -> list[list[str]]:
            pieces: list[str] = []
            write_parts(scope, pieces)
            return [pieces]

        return text
    if isinstance(tree, Members | Items):
        raise TypeError("a form is flat")
    value_of = evaluator(tree, reading)

    def values(scope: Scope) -> list[list[str]]:
        value = value_of(scope)
        if isinstance(value, Hole):
            return [[value]]
        if value == OMIT:
            return []
        scope.draw(len(value))
        texts = texts_of_list(value)
        return [
            [body_encoding.form_text(text)] for text in ([plain(value)] if texts is None else texts)
        ]

    return values


def _text_writer(tree: Tree, reading: ValueReading, encode: Encode) -> Write:
    match tree:
        case MixedText(parts):
            return _parts(parts, reading, encode, body_encoding.as_it_is)
        case Constant(value):
            return _constant(plain(value))
        case Members() | Items():
            raise TypeError("a text is made of a text")
        case _:
            return _parts((tree,), reading, encode, body_encoding.as_it_is)


def _parts(
    parts: tuple[str | Expression, ...], reading: ValueReading, encode: Encode, encode_own: Encode
) -> Write:
    """Return what writes the parts of a text: values by *encode*, its own by *encode_own*."""
    prepared = [
        encode_own(part) if isinstance(part, str) else evaluator(part, reading) for part in parts
    ]

    def write(scope: Scope, pieces: list[str]) -> bool:
        for part in prepared:
            if isinstance(part, str):
                pieces.append(part)
                continue
            value = part(scope)
            if not isinstance(value, Hole):
                value = encode(plain(value))
                scope.draw(len(value))
            pieces.append(value)
        return True

    return write


def _constant(text: str) -> Write:
    def write(_scope: Scope, pieces: list[str]) -> bool:
        pieces.append(text)
        return True

    return write
