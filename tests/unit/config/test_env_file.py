"""Files of environment variables: what a line means, and what is wrong with one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.settings import env_file
from webhookd.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("A=1", {"A": "1"}),
        ("  export A = b c  ", {"A": "b c"}),
        ("A=", {"A": ""}),
        ("A=# all of it", {"A": ""}),
        ("A=b#c # rest", {"A": "b#c"}),
        ("A='b # $c \\n' # rest", {"A": "b # $c \\n"}),
        (r'A="b\n\"c\" \$d \\ \x"', {"A": 'b\n"c" $d \\ \\x'}),
        ("A=b=c", {"A": "b=c"}),
        ("A=$B", {"A": "$B"}),
        ("# A=1", {}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1\nA=2", {"A": "2"}),
    ],
)
def test_what_a_line_means(tmp_path, line, found):
    path = tmp_path / ".env"
    path.write_bytes(line.encode())

    assert env_file.read(path) == found


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"A=1\nsecret\n", ":2:1: this is no NAME=VALUE"),
        (b"1A=secret", ":1:1: this is no NAME=VALUE"),
        (b"A='secret", ":1:1: the value of A does not end where its quotes do"),
        (b'A="secret" x', ":1:1: the value of A does not end where its quotes do"),
        (b"A=secret\0", ":1:1: the value of A holds a NUL"),
        (b"A=\xff", ": is not UTF-8"),
        (b"#" * (1024 * 1024 + 1), ": is larger than 1,048,576 bytes"),
    ],
)
def test_what_is_none_is_told_without_its_value(tmp_path, content, says):
    path = tmp_path / ".env"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        env_file.read(path)

    told = str(caught.value.problems[0])
    assert told.startswith(str(path))
    assert says in told
    assert "secret" not in told


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path, name):
    with pytest.raises(ConfigError) as caught:
        env_file.read(tmp_path / name)

    assert "cannot be read" in str(caught.value.problems[0])


@given(st.text(max_size=200))
def test_nothing_else_is_raised(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    with suppress(ConfigError):
        assert all(name.isidentifier() for name in env_file.read(path))
