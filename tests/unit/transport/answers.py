"""Bytes that look like answers, and bytes that do not: strategies for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

LINES = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK", b"HTTP/1.1 204", b"HTTP/1.0 500 No", b"HTTP/1.1 100 Continue"),
        *(
            b"HTTP/1.1 101 S",
            b"HTTP/2 200",
            b"RTSP/1.0 200 OK",
            b"HTTP/1.1 099 X",
            b"HTTP/1.1 2000",
        ),
        *(b"Content-Length: 2", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: x"),
        *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Connection: close"),
        *(b"Upgrade: h2c", b"Connection: upgrade", b" folded", b"X: a\0b", b"no colon", b": empty"),
        *(b"", b"", b"ok", b"2", b"0", b"5;x=y", b"fffffffffffffffff", b"-1", b"X-Trailer: 1"),
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""])
ANSWERS = st.lists(st.tuples(LINES, ENDS).map(b"".join), max_size=12).map(b"".join)
MIXED = st.lists(ANSWERS | st.binary(max_size=40), max_size=4).map(b"".join)
