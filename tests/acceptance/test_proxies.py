"""Proxies: the one of the process, a webhook's own, and none."""

from tests.daemon import until
from tests.receiver import Answer, Receiver

PASSWORD = "CANARY-of-the-proxy"


def hook(url, **request):
    request = {"url": url, "allow_http": True} | request
    return {"source": "export", "object": "contacts", "request": request}


def test_each_webhook_goes_through_its_own_proxy_that_of_the_process_or_none(another):
    """What a proxy gives away of its password reaches neither log nor database."""

    def echo(request):
        return Answer(200, body=request.headers.get("proxy-authorization", "").encode())

    with Receiver() as receiver, Receiver() as usual, Receiver(echo) as special:
        daemon = another(
            "one", environment={"WEBHOOKD_PROXY": usual.url, "PROXY_PASSWORD": PASSWORD}
        )
        basic = {"type": "basic", "username": "u", "password": {"env": "PROXY_PASSWORD"}}
        daemon.configure(
            {
                "direct": hook(receiver.url, proxy="direct"),
                "usual": hook("http://localhost/usual/a?b=c"),
                "special": hook(
                    "http://localhost/special", proxy=special.url, proxy_authentication=basic
                ),
            },
            egress={"allow": ["127.0.0.0/8", "::1/128"]},
        )
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: len(daemon.named("delivery.attempted")) == 3, "three attempts")
        daemon.stop()
        deliveries = daemon.deliveries()

    assert {one["state"] for one in deliveries} == {"delivered"}
    assert [one.target for one in receiver.received] == ["/"]
    assert [one.target for one in usual.received] == ["http://localhost/usual/a?b=c"]
    assert [one.target for one in special.received] == ["http://localhost/special"]
    credentials = special.received[0].headers["proxy-authorization"].removeprefix("Basic ")
    written = daemon.log.encode() + b"".join(
        path.read_bytes() for path in daemon.state.rglob("*") if path.is_file()
    )
    assert credentials.encode() not in written
    assert PASSWORD.encode() not in written
