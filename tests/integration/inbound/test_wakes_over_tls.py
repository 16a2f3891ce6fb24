"""The listener of wakes over TLS: whom its certificate convinces, and how it is renewed."""

from __future__ import annotations

import os
import socket
import ssl
import time

import httpx
import pytest
import trustme

from tests.wakes import RAW, Listener, exchange, held, hubspot_v3, milliseconds, signed, statuses
from webhookd.definitions import (
    Bearer,
    Scheme,
    Wake,
)
from webhookd.inbound.served_certificate import ServedCertificate
from webhookd.model import Secret
from webhookd.serving import ConnectionLimits


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certificate(authority, tmp_path):
    return written(authority, tmp_path)


def written(authority, folder):
    made = authority.issue_cert("127.0.0.1")
    paths = folder / "cert.pem", folder / "key.pem"
    made.cert_chain_pems[0].write_to_path(str(paths[0]))
    made.private_key_pem.write_to_path(str(paths[1]))
    return paths


def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_over_tls_a_sender_that_knows_the_authority_wakes(authority, certificate):
    served = ServedCertificate(*certificate)
    listener = Listener(held(crm=signed(Scheme.HUBSPOT_V3)), url=None, tls=served.context)

    def work(running):
        url = f"https://127.0.0.1:{running.port}/sources/crm/wake"
        with pytest.raises(httpx.ConnectError):
            httpx.post(url, content=b"{}")
        plain = exchange(running.port, RAW + b"\r\n")
        with httpx.Client(verify=trusting(authority)) as client:
            told = [
                client.post(url, content=b"{}", headers=hubspot_v3(b"{}", milliseconds(), url=url))
                for _ in range(3)
            ]
        return plain, [one.status_code for one in told]

    plain, told = listener.ask(work)

    assert b"HTTP" not in plain
    assert told == [202] * 3


def test_who_does_not_shake_hands_keeps_nobody_else_out_for_long(authority, certificate):
    served = ServedCertificate(*certificate)
    limits = ConnectionLimits(4, 1.0)
    wake = Wake(authentication=Bearer(Secret("t")))
    listener = Listener(held(crm=wake), limits=limits, tls=served.context)

    def work(running):
        silent = [
            socket.create_connection(("127.0.0.1", running.port), timeout=30) for _ in range(50)
        ]
        url = f"https://127.0.0.1:{running.port}/sources/crm/wake"
        began, status = time.monotonic(), None
        while status is None and time.monotonic() - began < 60:
            try:
                with httpx.Client(verify=trusting(authority), timeout=5) as client:
                    told = client.post(url, headers={"Authorization": "Bearer t"})
                    status = told.status_code
            except httpx.TransportError:
                time.sleep(0.2)
        for one in silent:
            one.close()
        return status

    assert listener.ask(work) == 202


def test_over_tls_those_beyond_the_limit_are_told_so(authority, certificate):
    served = ServedCertificate(*certificate)
    limits = ConnectionLimits(2, 5.0)
    listener = Listener(held(crm=None), limits=limits, tls=served.context)

    def work(running):
        opened, context = [], trusting(authority)
        for _ in range(3):
            raw = socket.create_connection(("127.0.0.1", running.port), timeout=30)
            opened.append(context.wrap_socket(raw, server_hostname="127.0.0.1"))
        answer = opened[2].recv(65536)
        for one in opened:
            one.close()
        return answer

    assert statuses(listener.ask(work)) == [503]


def test_a_renewed_certificate_is_shown_from_then_on(authority, certificate, tmp_path):
    served = ServedCertificate(*certificate)
    wake = Wake(authentication=Bearer(Secret("t")))
    listener = Listener(held(crm=wake), tls=served.context)

    def shown(running):
        raw = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        with trusting(authority).wrap_socket(raw, server_hostname="127.0.0.1") as one:
            return one.getpeercert(binary_form=True)

    def work(running):
        before = shown(running)
        assert served.renew() is None
        (tmp_path / "key.pem").write_text("nonsense")
        assert "no private key" in served.renew().error
        assert served.renew() is None
        assert shown(running) == before
        os.utime(written(authority, tmp_path)[0], ns=(1, 1))
        assert served.renew().error is None
        return before, shown(running)

    before, after = listener.ask(work)

    assert before != after
