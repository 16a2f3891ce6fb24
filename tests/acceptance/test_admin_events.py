"""What happens, told as server-sent events to who watches."""

import json
import socket
import time
from contextlib import closing, contextmanager

import pytest

from tests.daemon import Daemon, until
from tests.receiver import Answer, Receiver
from webhookd.client.admin_address import AdminAddress
from webhookd.client.blocking import Client


class Stream:
    """A stream of events, read line by line."""

    def __init__(self, daemon, query="", last_id=None):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(30)
        self.connection.connect(str(daemon.state / "admin.sock"))
        more = f"last-event-id: {last_id}\r\n" if last_id else ""
        self.connection.sendall(f"GET /v1/events{query} HTTP/1.1\r\nhost: x\r\n{more}\r\n".encode())
        self.reader = self.connection.makefile("rb")
        self.status = int(self.reader.readline().split()[1])
        self.headers = {}
        while line := self.reader.readline().strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        self.id = None

    def parts(self):
        """Yield what a chunk holds, until the end."""
        while True:
            size = int(self.reader.readline() or b"0", 16)
            content = self.reader.read(size)
            self.reader.readline()
            if not size:
                return
            yield content.decode()

    def events(self):
        """Yield each event as its kind and its object."""
        for part in self.parts():
            lines = dict(line.split(": ", 1) for line in part.strip().split("\n"))
            if "event" in lines:
                self.id = lines.get("id", self.id)
                yield lines["event"], json.loads(lines["data"])

    def until(self, kind):
        return next(told for what, told in self.events() if what == kind)

    def close(self):
        self.reader.close()
        self.connection.close()


@contextmanager
def watching(daemon, *arguments, **more):
    with closing(Stream(daemon, *arguments, **more)) as stream:
        yield stream


@pytest.fixture
def receiver():
    with Receiver(lambda request: Answer(int(request.target[-3:]))) as one:
        yield one


@pytest.fixture
def daemon(tmp_path, receiver):
    one = Daemon(tmp_path)

    def hook(status):
        request = {"url": f"{receiver.url}/{status}", "allow_http": True}
        return {"source": "export", "object": "contacts", "request": request}

    one.configure({"fine": hook(200), "lost": hook(404)})
    one.start()
    yield one
    one.close()


def client_of(daemon):
    return Client(AdminAddress(daemon.state / "admin.sock"), None, 30)


def test_attempts_are_told_as_they_end(daemon):
    with watching(daemon) as everything, watching(daemon, "?only=undelivered") as bad:
        daemon.drop_rows("1.ndjson", {"id": 7})
        found = []
        while len(found) < 2:
            found += everything.until("attempts")["attempts"]
        failed = bad.until("attempts")

    told = {one["webhook"]: one for one in found}
    assert (told["fine"]["outcome"], told["fine"]["status"]) == ("delivered", 200)
    assert (told["lost"]["outcome"], told["lost"]["error"][:25]) == (
        "given_up",
        "the receiver answered 404",
    )
    assert told["fine"]["record_id"] == "7"
    assert [one["webhook"] for one in failed["attempts"]] == ["lost"]
    assert failed["skipped"] == 0
    assert everything.headers["content-type"].startswith("text/event-stream")


def test_other_things_are_told_as_well(daemon):
    client = client_of(daemon)
    with watching(daemon) as stream:
        client.post("/v1/webhooks/fine/pause", reason="by hand")
        events = stream.events()
        seen = [next(events), next(events)]
        client.post("/v1/reload")
        seen += [next(events), next(events)]
        client.post("/v1/deliveries/retry", dry_run=True, state="failed")
        client.post("/v1/webhooks/fine/resume")
        seen += [next(events), next(events)]

    assert [kind for kind, _ in seen] == ["hold", "person", "reload", "person", "hold", "person"]
    assert seen[0][1] == {"webhook": "fine", "hold": "by hand"}
    acts = [told for kind, told in seen if kind == "person"]
    assert [(act["action"], act["subject"]) for act in acts] == [
        ("pause", "fine"),
        ("reload", ""),
        ("resume", "fine"),
    ]
    assert {act["via"] for act in acts} == {"uid 0"} or acts[0]["via"].startswith("uid ")
    assert [line["action"] for line in daemon.named("person.acted")] == [
        *("pause", "reload", "resume")
    ]


def test_of_very_many_some_are_told_and_the_others_counted(daemon):
    count = 1000
    with watching(daemon, "?webhook=fine") as stream:
        daemon.drop_rows("1.ndjson", *({"id": number} for number in range(count)))
        began, detailed, all_ = time.monotonic(), 0, 0
        while all_ < count:
            told = stream.until("attempts")
            detailed += len(told["attempts"])
            all_ += len(told["attempts"]) + told["skipped"]
        took = time.monotonic() - began

    assert all_ == count
    assert detailed <= 50 * (took + 2)


def test_who_comes_back_is_told_what_happened_meanwhile(daemon):
    client = client_of(daemon)
    with watching(daemon) as first:
        client.post("/v1/webhooks/fine/pause", reason="one")
        first.until("person")
    client.post("/v1/webhooks/lost/pause", reason="two")
    with watching(daemon, last_id=first.id) as again, watching(daemon, last_id="x.1") as other:
        assert again.until("hold") == {"webhook": "lost", "hold": "two"}
        client.post("/v1/webhooks/fine/resume")
        assert other.until("hold") == {"webhook": "fine", "hold": None}


def test_only_so_many_may_watch_and_who_leaves_makes_room(daemon):
    streams = [Stream(daemon) for _ in range(9)]
    refused = json.loads(streams[-1].reader.read(int(streams[-1].headers["content-length"])))
    streams[0].close()

    def comes_in():
        with watching(daemon) as another:
            return another.status == 200

    until(comes_in, "room")
    for stream in streams[1:]:
        stream.close()

    assert [one.status for one in streams] == [200] * 8 + [503]
    assert "8 watch already" in refused["error"]


def test_a_stop_ends_all_streams_at_once(daemon):
    streams = [Stream(daemon) for _ in range(3)]
    began = time.monotonic()
    stopped = daemon.stop()
    took = time.monotonic() - began
    ends = [list(stream.events())[-1] for stream in streams]
    for stream in streams:
        stream.close()

    assert stopped == 0
    assert ends == [("bye", {})] * 3
    assert "Traceback" not in daemon.log
    assert [event for event in daemon.events if event["level"] in {"error", "critical"}] == []
    assert took < 15
