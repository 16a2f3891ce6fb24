"""How many requests a second the bare transport sends: `python benchmarks/transport.py`.

A POST of 600 bytes, 64 in flight, keep-alive, plain HTTP on loopback, the receiver in another
process. Nothing is stored, signed or judged: what the whole daemon reaches is compared to this.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from ipaddress import ip_network
from itertools import repeat
from pathlib import Path

import httpx
import uvloop

from webhookd.definitions import Egress, Tls
from webhookd.transport import SendOptions, Transport

IN_FLIGHT = 64
REQUESTS = 60_000
BODY = b'{"objectId": "123", "properties": {"note": "%s"}}' % (b"x" * 553)
RECEIVER = Path(__file__).with_name("receiver_process.py")


EGRESS = Egress(allow=(ip_network("127.0.0.0/8"),))
EXTENSIONS = {"webhookd": SendOptions(30.0, 3.0, Tls(), EGRESS)}


def url_at(port: int) -> httpx.URL:
    """Return the URL of the receiver on *port*."""
    return httpx.URL(f"http://127.0.0.1:{port}/hooks/customer?tenant=acme")


def headers_at(port: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request, as many as a real one has."""
    return [
        (b"Host", b"127.0.0.1:%d" % port),
        (b"Content-Type", b"application/json"),
        (b"Content-Length", b"%d" % len(BODY)),
        (b"User-Agent", b"webhookd/benchmark"),
        (b"webhook-id", b"0190f6c1d7c2aabbccddeeff00112233"),
        (b"webhook-timestamp", b"1785000000"),
    ]


async def send_all(transport: Transport, port: int, count: int) -> float:
    """Send *count* requests and return how many seconds that took."""
    url, headers = url_at(port), headers_at(port)
    turns = repeat(None, count)

    async def send() -> None:
        for _ in turns:
            request = httpx.Request(
                "POST", url, headers=headers, stream=httpx.ByteStream(BODY), extensions=EXTENSIONS
            )
            response = await transport.handle_async_request(request)
            if response.status_code != httpx.codes.OK:
                sys.exit(f"the receiver answered {response.status_code}")

    started = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - started


async def main() -> None:
    """Measure once, after warming up."""
    with subprocess.Popen(  # noqa: ASYNC220 - our own receiver, before measuring
        [sys.executable, RECEIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as receiver:
        port = int(receiver.stdout.readline()) if receiver.stdout else 0
        async with Transport() as transport:
            await send_all(transport, port, REQUESTS // 10)
            busy = time.process_time()
            seconds = await send_all(transport, port, REQUESTS)
            busy = time.process_time() - busy
        print(f"{REQUESTS / seconds:,.0f} requests/s, {busy / REQUESTS * 1e6:.0f} µs of CPU each")
        receiver.communicate()


if __name__ == "__main__":
    uvloop.run(main())
