"""Who gets in, from where, and what every answer carries."""

import re
import socket

import pytest

from tests.console.stage import CANARY, Stage
from webhookd.console.access.gate import HEADERS
from webhookd.console.routes import PAGES

FORM = {"content-type": "application/x-www-form-urlencoded"}
SAME = {"sec-fetch-site": "same-origin"}


def form_token(client):
    return re.search(r'name="form_token" value="([^"]+)"', client.get("/").text)[1]


def filled(path):
    return re.sub(r"\{[^}]*\}", "audit-mirror", path)


@pytest.mark.parametrize("path", ["/", "/deliveries", "/static/console.css", "/enter?t=x", "/no"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        "other.localhost:{port}",
        "{label}.localhost:{port}.evil.example",
        "{label}.localhost:{port},evil.example",
        "",
    ],
)
def test_another_host_is_refused_before_anything_else(console, viewer, path, host):
    told = host.format(port=console.port, label=console.label)

    answer = viewer.get(path, headers={"host": told})

    assert answer.status_code in {400, 421}
    assert CANARY not in answer.text


def test_two_hosts_are_refused(console):
    asked = f"GET / HTTP/1.1\r\nHost: {console.host}\r\nHost: {console.host}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", console.port)) as connection:
        connection.sendall(asked.encode())
        head = connection.recv(1000).split(b"\r\n")[0]

    assert head.split()[1] in {b"400", b"421"}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "{label}.localhost"])
def test_each_of_its_own_names_is_taken(console, name):
    with console.viewer(is_in=False) as client:
        host = f"{name.format(label=console.label)}:{console.port}"

        assert client.get("/", headers={"host": host}).status_code == 401


@pytest.mark.parametrize("route", PAGES, ids=lambda one: f"{one.method} {one.path}")
def test_nobody_gets_a_page_without_a_session(console, route):
    with console.viewer(is_in=False) as client:
        answer = client.request(route.method, filled(route.path), headers=SAME | FORM)

    assert answer.status_code == 401
    assert "webhookd console --link" in answer.text
    assert "audit-mirror" not in answer.text


@pytest.mark.parametrize("route", PAGES, ids=lambda one: f"{one.method} {one.path}")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_each_path_takes_its_methods_only(viewer, route, method):
    """And no method but POST can do anything; a POST without a form does nothing."""
    known = {one.method for one in PAGES if one.path == route.path}
    known |= {"HEAD"} if "GET" in known else set()
    if method in known and method != "POST":
        return

    answer = viewer.request(method, filled(route.path), headers=SAME | FORM)

    assert answer.status_code == (403 if method in known else 405)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:{port}"}, 403),
        ({"origin": "http://{host}"}, 200),
        ({"origin": "http://{host}", "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_a_form_is_taken_from_a_page_of_this_console_only(console, headers, status):
    with console.viewer() as client:
        told = {
            name: value.format(port=console.port, host=console.host)
            for name, value in headers.items()
        }

        answer = client.post("/leave", data={"form_token": form_token(client)}, headers=told)

        assert answer.status_code == status
        assert client.get("/").status_code == (401 if status == 200 else 200)


def test_a_form_of_another_session_is_refused(console, viewer):
    with console.viewer() as other:
        token = form_token(other)

    for given in ({"a": "b"}, {"form_token": ""}, {"form_token": "x"}, {"form_token": token}):
        assert viewer.post("/leave", data=given, headers=SAME).status_code == 403
    assert viewer.get("/").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=1", "application/json", 415),
        (b"a=1", "multipart/form-data; boundary=x", 415),
        (b"a=%ff", FORM["content-type"], 400),
        (b"a=" + b"x" * 300_000, FORM["content-type"], 413),
        (b"&".join([b"a=1"] * 2_001), FORM["content-type"], 413),
    ],
)
def test_what_is_no_form_is_refused(viewer, body, kind, status):
    answer = viewer.post("/leave", content=body, headers=SAME | {"content-type": kind})

    assert answer.status_code == status


def test_a_link_lets_one_browser_in_once(console):
    query = console.another_link().partition("?")[2]
    with console.viewer(is_in=False) as client, console.viewer(is_in=False) as late:
        assert client.head(f"/enter?{query}").status_code == 403
        entered = client.get(f"/enter?{query}")
        assert entered.status_code == 303
        assert entered.headers["location"] == "/"
        (cookie,) = entered.headers.get_list("set-cookie")
        assert cookie.startswith(f"webhookd-{console.port}=")
        parts = {one.strip().lower() for one in cookie.split(";")[1:]}
        assert parts == {"httponly", "path=/", "samesite=strict"}
        assert client.get(f"/enter?{query}").status_code == 303
        assert late.get(f"/enter?{query}").status_code == 403
        assert late.get("/").status_code == 401


@pytest.mark.parametrize(
    "path", ["/", "/no", "/enter?t=x", "/static/console.css", "/static/no", "/leave"]
)
def test_every_answer_carries_the_headers(viewer, path):
    answer = viewer.get(path)

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    is_static = path.startswith("/static")
    assert answer.headers["cache-control"] == ("no-cache" if is_static else "no-store")
    assert "server" not in answer.headers


def test_static_files_are_asked_for_again_by_their_tag(viewer):
    tag = viewer.get("/static/console.js").headers["etag"]

    assert viewer.get("/static/console.js", headers={"if-none-match": tag}).status_code == 304


def test_what_a_page_needs_beside_itself_is_small_on_its_way(viewer):
    names = ("console.js", "console.css", "icon.svg")
    answers = [viewer.get(f"/static/{name}") for name in names]

    assert sum(one.num_bytes_downloaded for one in answers) < 20_000
    assert "vary" in answers[0].headers


@pytest.mark.parametrize("path", ["/static/../routes.py", "/static/%2e%2e/routes.py", "/static/"])
def test_no_other_file_is_given(viewer, path):
    assert viewer.get(path).status_code in {404, 405}


def test_what_a_proxy_would_say_is_ignored(viewer):
    told = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "forwarded": "host=e"}

    answer = viewer.get("/", headers=told)

    assert "evil" not in answer.text + str(answer.headers)


def test_a_viewer_console_refuses_every_act(stage):
    console = stage.console("--role", "viewer")
    with console.viewer() as client:
        token = form_token(client)
        assert "(viewer)" in client.get("/").text
        for route in PAGES:
            if route.acts:
                answer = client.post(filled(route.path), data={"form_token": token}, headers=SAME)
                assert answer.status_code == 403, route
    assert console.stop() == ""


@pytest.mark.parametrize("listen", ["0.0.0.0:8377", "8377", "example.com:1", "127.0.0.1:99999"])
def test_it_listens_on_loopback_only(console, listen):
    done = console.command("--listen", listen)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "loopback only" in done.stderr


def test_the_command_prints_another_link(console):
    done = console.command("--listen", f"127.0.0.1:{console.port}", "--link")

    own, fallback = done.stdout.splitlines()
    with console.viewer(is_in=False) as client:
        assert client.get(f"/enter?{own.partition('?')[2]}").status_code == 303
    assert f"http://127.0.0.1:{console.port}/enter?t=" in fallback


def test_a_taken_port_and_a_missing_console_are_said_plainly(console):
    def told(*arguments):
        done = console.command(*arguments)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "Address already in use" in told("--listen", f"127.0.0.1:{console.port}")
    assert "no console of this user runs at port 9" in told("--listen", "127.0.0.1:9", "--link")


def test_the_label_survives_a_restart_and_sessions_do_not(tmp_path):
    with Stage(tmp_path) as stage:
        first = stage.console()
        with first.viewer() as client:
            cookies = dict(client.cookies)
        assert first.stop() == ""
        assert [one.name for one in (tmp_path / "home" / "webhookd").iterdir()] == ["console-label"]
        second = stage.console()
        assert second.label == first.label
        with second.viewer(is_in=False) as client:
            told = "; ".join(f"webhookd-{second.port}={value}" for value in cookies.values())
            assert client.get("/", headers={"cookie": told}).status_code == 401


def test_without_a_daemon_it_says_where_it_looked_and_comes_back(tmp_path):
    with Stage(tmp_path) as stage:
        console = stage.console()
        with console.viewer() as client:
            answer = client.get("/")
            assert answer.status_code == 503
            assert f"{stage.daemon.state}/admin.sock" in answer.text
            assert client.get("/?fragment=1").status_code == 503
            stage.daemon.configure({"audit": stage.webhook("audit")})
            stage.daemon.start()
            assert client.get("/").status_code == 200
            stage.daemon.kill()
            assert client.get("/deliveries").status_code in {404, 503}
            stage.daemon.start()
            assert "audit" in client.get("/").text
        assert console.stop() == ""
