"""Where the admin API listens: what is there already is not taken away from anybody."""

import asyncio
import os
import socket
import stat
import threading
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests.engine import until
from webhookd.client.admin_address import AdminAddress
from webhookd.listener import AddressError, listening, require_free
from webhookd.serving import ConnectionLimits, serving

LONG = "a" * 90


@pytest.fixture(params=[".", LONG])
def path(tmp_path, request):
    """Return where to listen: a path that the kernel takes, and a longer one."""
    folder = tmp_path / request.param
    folder.mkdir(exist_ok=True)
    return folder / "admin.sock"


def address(path):
    return AdminAddress(path)


@contextmanager
def refusing(told):
    with pytest.raises(AddressError, match=told):
        yield


def leave_dead(path):
    """Leave a socket behind as a daemon does that is killed."""
    with ExitStack() as stack:
        folder = os.open(path.parent, os.O_PATH)
        stack.callback(os.close, folder)
        dead = stack.enter_context(socket.socket(socket.AF_UNIX))
        dead.bind(f"/proc/self/fd/{folder}/{path.name}")
        dead.listen()


def refuses_twice(path, told):
    with refusing(told):
        require_free(address(path))
    with refusing(told), listening(address(path)):
        pass


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_socket_is_there_while_it_is_listened_on_and_its_mode_is_right(path, umask):
    before = os.umask(umask)
    try:
        with listening(address(path)):
            assert stat.S_IMODE(path.lstat().st_mode) == 0o660
    finally:
        os.umask(before)
    assert not path.exists()


def test_the_umask_of_other_threads_is_left_alone(tmp_path):
    before, seen, is_over = os.umask(0o027), set(), threading.Event()
    os.umask(0o027)

    def look():
        while not is_over.is_set():
            found = tmp_path / "file"
            found.touch(0o666)
            seen.add(stat.S_IMODE(found.stat().st_mode))
            found.unlink()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(200):
            with listening(address(tmp_path / "admin.sock")):
                pass
    finally:
        is_over.set()
        thread.join()
        os.umask(before)
    assert seen == {0o640}


def test_a_dead_socket_is_replaced(path):
    leave_dead(path)

    require_free(address(path))
    with listening(address(path)):
        pass
    assert not path.exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("precious"),
        lambda path: path.write_text(""),
        os.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to("/etc/hostname"),
        lambda path: path.symlink_to("nowhere"),
    ],
)
def test_what_is_not_a_socket_stays(path, make):
    make(path)
    before = path.lstat()

    refuses_twice(path, "not a socket")

    assert path.lstat() == before


def test_a_living_socket_stays_and_the_error_says_whose_it_is(path):
    with listening(address(path)) as first:
        refuses_twice(path, f"process {os.getpid()} of user {os.getuid()} listens there")
        with closing(socket.socket(socket.AF_UNIX)) as asking:
            folder = os.open(path.parent, os.O_PATH)
            asking.connect(f"/proc/self/fd/{folder}/{path.name}")
            os.close(folder)
        assert first.fileno() > 0
        assert path.is_socket()


def test_one_that_has_more_callers_than_it_answers_lives(tmp_path):
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as busy, ExitStack() as callers:
        busy.bind(str(path))
        busy.listen(0)
        for _ in range(3):
            caller = callers.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            try:
                caller.connect(str(path))
            except BlockingIOError:
                break
        refuses_twice(path, "another process listens there")


def test_a_socket_of_another_kind_stays(tmp_path):
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        refuses_twice(path, "listens there")
    assert path.is_socket()


def test_only_its_own_socket_is_removed_when_it_ends(path):
    another = listening(address(path))
    with listening(address(path)):
        path.unlink()
        another.__enter__()
    assert path.is_socket()
    another.__exit__(None, None, None)
    assert not path.exists()


def test_an_address_below_a_file_is_an_error(tmp_path):
    (tmp_path / "file").touch()

    with refusing("cannot listen on"), listening(address(tmp_path / "file" / "admin.sock")):
        pass


async def _application(scope, receive, send):
    body = b""
    while (event := await receive()).get("more_body"):
        body += event["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"well"})


@contextmanager
def served(limits, work):
    async def main():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(2048)
            async with serving(_application, listener, limits):
                await work(listener.getsockname()[1])

    asyncio.run(main())
    yield


async def connected(port, *, sending=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sending)
    return reader, writer


GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def test_no_more_connections_than_allowed_and_others_are_told():
    async def work(port):
        idle = [await connected(port) for _ in range(5)]
        reader, writer = await connected(port, sending=GET)
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        for _, one in idle[:3]:
            one.close()

        async def is_answered():
            reader, writer = await connected(port, sending=GET)
            answer = await reader.readline()
            writer.close()
            return b" 200 " in answer

        await until(is_answered)
        for _, one in idle[3:]:
            one.close()

    with served(ConnectionLimits(5, 60), work):
        pass


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        GET + GET[:20],
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab",
    ],
)
def test_whoever_does_not_ask_in_time_is_let_go(sent):
    async def work(port):
        reader, writer = await connected(port, sending=sent)
        answers = await asyncio.wait_for(reader.read(), 20)
        assert answers.endswith(b'{"error":"the request did not come in time"}')
        assert answers.count(b" 408 ") == 1
        writer.close()

    with served(ConnectionLimits(5, 0.2), work):
        pass


def test_a_request_that_came_in_time_may_be_answered_late():
    async def work(port):
        reader, writer = await connected(port, sending=GET)
        await asyncio.sleep(0.15)
        writer.write(GET)
        assert b" 200 " in await reader.readline()
        writer.close()

    with served(ConnectionLimits(5, 0.2), work):
        pass
