"""Runs coroutine tests on both event loops, and lets none of them leave anything behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import socket
from typing import Any

import pytest
import trustme
import uvloop

from tests.integration.transport.scripted import a_tls, eventually, open_sockets
from webhookd.transport import Transport

NO_SUCH_NAME = re.compile(rb"[^.]{1,63}\.invalid\.?", re.IGNORECASE)
"""What name servers are asked for, and never know."""


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop_factory(request):
    return request.param


@pytest.fixture
def transport(loop_factory):
    return Transport()


@pytest.fixture(autouse=True)
def _ask_no_name_server(monkeypatch):
    """Answer as name servers do for names that never exist (RFC 6761): at once, from here."""
    real = socket.getaddrinfo

    def fake(host, port, **how):
        if isinstance(host, bytes) and NO_SUCH_NAME.fullmatch(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, port, **how)

    monkeypatch.setattr(socket, "getaddrinfo", fake)


@pytest.fixture(scope="module")
def authority():
    """Return an authority that issues certificates to receivers."""
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    """Return a setting under which what *authority* issues is trusted."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return a_tls(path)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with asyncio.Runner(loop_factory=pyfuncitem.funcargs["loop_factory"]) as runner:
        runner.run(_leaving_nothing(pyfuncitem.obj(**arguments), arguments["transport"]))
    return True


async def _leaving_nothing(test: Any, transport: Transport) -> None:
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    sockets_before = open_sockets()
    try:
        await test
    finally:
        await asyncio.wait_for(transport.aclose(), 30)
    await eventually(lambda: len(asyncio.all_tasks()) == 1)
    await eventually(lambda: open_sockets() == sockets_before)
    gc.collect()
    assert noise == []
