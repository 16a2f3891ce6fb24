"""What the YAML parser says against a file, in words that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.text.limits import DEEPEST, FlawError

if TYPE_CHECKING:
    import yaml

_INDENTATION = "check the indentation, and quotes and brackets before it"
_PLAIN_WORDS = {
    # The parser's own bound, of those that have one, is met before ours is counted.
    "exceeded maximum nesting depth": f"this is nested deeper than {DEEPEST} levels",
    "mapping values are not allowed in this context": (
        "a ':' is not expected here; put the text in quotes, or check the indentation"
    ),
    "did not find expected key": f"a key is expected here; {_INDENTATION}",
    "did not find expected '-' indicator": f"a '-' is expected here; {_INDENTATION}",
    "did not find expected ',' or ']'": "a ',' or ']' is missing here",
    "did not find expected ',' or '}'": "a ',' or '}' is missing here",
    "did not find expected node content": "a value is expected here",
    "did not find expected <document start>": f"this does not go on here; {_INDENTATION}",
    "could not find expected ':'": "the ':' after a key is missing",
    "did not find expected alphabetic or numeric character": (
        "the name of an anchor or alias is missing; put the text in quotes if it is none"
    ),
    "found unknown escape character": (
        "this escape is not known; write \\\\ for a backslash, or use single quotes"
    ),
    "did not find expected hexdecimal number": "this escape needs hexadecimal digits",
    "found invalid Unicode character escape code": "this escape stands for no character",
    "found unknown directive name": "a line cannot begin with '%'; put the text in quotes",
    "found unexpected end of stream": "a quoted text that begins before does not end",
    "block sequence entries are not allowed in this context": (
        "a list item cannot begin here; put it on a line of its own"
    ),
}
_TAB = "a tab cannot stand here; indent with spaces"


def flaw(error: yaml.YAMLError, text: str) -> FlawError:
    """Return *error* as a flaw of the file that holds *text*."""
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or "it cannot be read"
    if mark is None:
        return FlawError(1, 1, f"this is not YAML: {said}")
    line, column = mark.line + 1, mark.column + 1
    words = _words(said, _character(text, mark.line, mark.column))
    return FlawError(line, column, words + _since(error, line))


def _words(said: str, character: str) -> str:
    if said.startswith("found character that cannot start any token"):
        if character == "\t":
            return _TAB
        return f"a value cannot begin with '{character}'; put it in quotes"
    return _PLAIN_WORDS.get(said, f"this is not YAML: {said}")


def _character(text: str, line: int, column: int) -> str:
    lines = text.splitlines()
    return lines[line][column : column + 1] if line < len(lines) else ""


def _since(error: yaml.YAMLError, line: int) -> str:
    mark = getattr(error, "context_mark", None)
    context = getattr(error, "context", None)
    if mark is None or not context or mark.line + 1 == line:
        return ""
    return f" ({context} that begins in line {mark.line + 1})"
