"""The listener of wakes over real sockets, and requests as senders sign them."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import time
from contextlib import asynccontextmanager, closing

import httpx
from hubspot.utils.signature import Signature as HubspotSignature

from webhookd import clock
from webhookd.definitions import (
    Definitions,
    Egress,
    HubspotSource,
    OwnEventsSource,
    Signature,
    Wake,
)
from webhookd.inbound.refused_wakes import RefusedWakes
from webhookd.inbound.wake_application import WakeApplication
from webhookd.listen_address import ListenAddress
from webhookd.listener import listening
from webhookd.model import Secret
from webhookd.process.descriptors import PUBLIC_LIMITS
from webhookd.serving import serving

APP_SECRET, OLD_SECRET = "a-secret-of-the-app", "what-it-had-before"
WHSEC = "whsec_" + base64.b64encode(b"k" * 32).decode()
PUBLIC = "https://hooks.example.com/in"
RAW = b"POST /sources/crm/wake HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"


def signed(scheme, secret=APP_SECRET, **more):
    return Wake((Signature("1234567", scheme, Secret(secret), **more),))


def held(**wakes):
    """Return definitions of HubSpot sources by name, each with its wake."""
    sources = {
        name: HubspotSource(name, "https://api.example.com", Secret("t"), (), wake=wake)
        for name, wake in wakes.items()
    }
    sources["self"] = OwnEventsSource("self")
    return Definitions("hash", Egress(), sources, {})


class Listener:
    """The listener in a loop of its own; *woken* are the sources it woke."""

    def __init__(self, definitions, *, limits=PUBLIC_LIMITS, tls=None, url=PUBLIC, at=None):
        self.definitions, self.limits, self.tls, self.url, self.at = (
            definitions,
            limits,
            tls,
            url,
            at,
        )
        self.woken = []
        self.time = clock.SYSTEM

    @asynccontextmanager
    async def running(self):
        application = WakeApplication(
            lambda: self.definitions,
            self.woken.append,
            RefusedWakes(self.time),
            self.time,
            self.url,
        )
        with listening(self.at or ListenAddress(None, "127.0.0.1", 0)) as listener:
            if self.at is None:
                self.port = listener.getsockname()[1]
            async with serving(application, listener, self.limits, self.tls):
                yield self

    def ask(self, work):
        """Run *work*, which gets this listener, while it runs; on a thread if it is a function."""

        async def run():
            async with self.running():
                if asyncio.iscoroutinefunction(work):
                    return await work(self)
                return await asyncio.to_thread(work, self)

        return asyncio.run(run())

    def post(self, path="/sources/crm/wake", body=b"{}", headers=(), method="POST"):
        def work(listener):
            url = f"http://127.0.0.1:{listener.port}{path}"
            return httpx.request(method, url, content=body, headers=dict(headers), timeout=30)

        return self.ask(work)


def hubspot_v3(body, at, secret=APP_SECRET, url=f"{PUBLIC}/sources/crm/wake"):
    made = HubspotSignature.get_signature(
        http_uri=url,
        signature_version="v3",
        client_secret=secret,
        request_body=body.decode(),
        http_method="POST",
        timestamp=str(at),
    )
    return {"X-HubSpot-Signature-v3": made, "X-HubSpot-Request-Timestamp": str(at)}


def milliseconds(ago=0.0):
    return int((time.time() - ago) * 1000)


def exchange(port, content, seconds=30):
    """Send bytes as they are, and return all that comes until the other end closes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=seconds)) as raw:
        raw.sendall(content)
        answer = b""
        while more := raw.recv(65536):
            answer += more
        return answer


def statuses(answer):
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]
