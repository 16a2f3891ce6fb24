"""The admin address: nothing there is taken away, and who only connects stops no delivery."""

import resource
import socket
from contextlib import ExitStack, suppress

from tests.daemon import Daemon, until
from tests.receiver import Receiver


def hook(receiver):
    return {
        "source": "export",
        "object": "contacts",
        "request": {"url": receiver.url, "allow_http": True},
    }


def test_a_file_and_a_living_daemon_at_the_address_stay(daemon, tmp_path):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        address = tmp_path / "run" / "a.sock"
        address.parent.mkdir()
        address.write_text("precious")
        daemon.environment["WEBHOOKD_ADMIN_ADDRESS"] = f"unix:{address}"
        daemon.start(is_awaited=False)
        assert daemon.wait() == 1
        assert "not a socket" in daemon.log
        assert address.read_text() == "precious"
        address.unlink()

        daemon.start()
        (tmp_path / "second").mkdir()
        second = Daemon(tmp_path / "second", {"WEBHOOKD_ADMIN_ADDRESS": f"unix:{address}"})
        second.configure({})
        second.start(is_awaited=False)
        assert second.wait() == 1
        assert f"process {daemon.process.pid} " in second.log
        assert daemon.command("status").returncode == 0
        assert daemon.stop() == 0
        assert not address.exists()


def test_a_thousand_idle_connections_stop_no_delivery(daemon):
    with Receiver() as receiver, ExitStack() as idle:
        daemon.configure({"mirror": hook(receiver)})
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        daemon.environment["WEBHOOKD_ADMIN_ADDRESS"] = f"127.0.0.1:{port}"
        daemon.start()
        limits = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (256, limits[1]))
        for _ in range(700):
            with suppress(OSError):
                idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        daemon.drop_rows("1.ndjson", *({"id": row} for row in range(50)))
        until(lambda: len(receiver.received) == 50, "deliveries")
        assert "too many open files" not in daemon.log.lower()
        assert daemon.stop() == 0
