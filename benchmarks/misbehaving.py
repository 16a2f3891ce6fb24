"""What 100,000 requests to receivers that misbehave leave behind.

    PYTHONMALLOC=malloc python -m benchmarks.misbehaving

Nine in ten go over plain HTTP, the others over TLS: to a receiver of a known and of an unknown
authority, and to a port that speaks none. Shown are open files, tasks, objects, the memory that
is in use, and that which the system has given. After a tenth of the requests nothing should
grow but the last: the allocator keeps what is freed in pieces. `PYTHONMALLOC` lets the C library,
which tells what is in use, see Python's own objects as well.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from ipaddress import ip_network
from itertools import count
from pathlib import Path

import httpx
import trustme
import uvloop

from webhookd.definitions import Egress, Tls
from webhookd.transport import SendError, SendOptions, Transport

IN_FLIGHT = 400
TIMEOUT = 0.5
STEPS = 10
BODY = b'{"objectId": "123"}'
RECEIVER = Path(__file__).with_name("rude_process.py")
EGRESS = Egress(allow=(ip_network("127.0.0.0/8"),))


async def main(requests: int) -> None:
    """Send, and print what is there after each tenth of *requests*."""
    with tempfile.TemporaryDirectory() as name:
        known = _certificates(Path(name))
        with subprocess.Popen(  # noqa: ASYNC220 - our own receiver, before measuring
            [sys.executable, RECEIVER, f"{name}/receiver.pem"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as receiver:
            plain, secure = map(int, receiver.stdout.readline().split() if receiver.stdout else ())
            targets = [(f"http://127.0.0.1:{plain}/hook", Tls())] * 27
            targets.append((f"https://localhost:{secure}/hook", known))
            targets.append((f"https://localhost:{secure}/hook", Tls()))
            targets.append((f"https://localhost:{plain}/hook", known))
            await _measure(targets, requests)
            receiver.communicate()


def _certificates(folder: Path) -> Tls:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "receiver.pem")
    return Tls(folder / "ca.pem", "known")


async def _measure(targets: list[tuple[str, Tls]], requests: int) -> None:
    met: Counter[str] = Counter()
    async with Transport() as transport:
        started = time.perf_counter()
        heads = ("requests", "seconds", "open files", "tasks", "objects", "MiB used", "resident")
        print("{:>9}{:>9}{:>12}{:>7}{:>9}{:>10}{:>10}".format(*heads))
        print(_row(0, started))
        for step in range(1, STEPS + 1):
            await _send_all(transport, targets, requests // STEPS, met)
            # Idle connections are no leak; they go within seconds.
            await asyncio.sleep(6)
            print(_row(requests // STEPS * step, started))
    print(f"{'closed':>9}{_row(requests, started)[9:]}")
    print(", ".join(f"{name} {number:,}" for name, number in met.most_common()))


async def _send_all(
    transport: Transport, targets: list[tuple[str, Tls]], requests: int, met: Counter[str]
) -> None:
    numbers = count()

    async def send() -> None:
        while (number := next(numbers)) < requests:
            url, tls = targets[number % len(targets)]
            options = SendOptions(TIMEOUT, TIMEOUT, tls, EGRESS)
            request = httpx.Request(
                "POST", url, stream=httpx.ByteStream(BODY), extensions={"webhookd": options}
            )
            try:
                response = await transport.handle_async_request(request)
                met[str(response.status_code)] += 1
            except SendError as error:
                met[error.reason] += 1

    await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))


def _row(requests: int, started: float) -> str:
    gc.collect()
    files = len(list(Path("/proc/self/fd").iterdir()))
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * resource.getpagesize() / 2**20
    tasks, objects = len(asyncio.all_tasks()), len(gc.get_objects())
    seconds = time.perf_counter() - started
    row = f"{requests:>9,}{seconds:>9.1f}{files:>12}{tasks:>7}{objects:>9,}"
    return f"{row}{_used():>10.2f}{resident:>10.1f}"


class _Usage(ctypes.Structure):
    """What `mallinfo2(3)` fills in."""

    _names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks")
    _fields_ = tuple((name, ctypes.c_size_t) for name in (*_names, "fordblks", "keepcost"))


def _used() -> float:
    """Return the MiB that were allocated and not given back."""
    library = ctypes.CDLL("libc.so.6")
    library.mallinfo2.restype = _Usage
    usage = library.mallinfo2()
    return (usage.uordblks + usage.hblkhd) / 2**20


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
