"""The settings of the process: where they come from, and what is wrong with them."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.reference import reference
from webhookd.config.settings.process_settings import Settings
from webhookd.definitions import Proxy
from webhookd.errors import ConfigError, StorageError
from webhookd.storage.database.postgresql import PostgresKind


def problems(environment: dict[str, str], **options: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environment(environment, **options)
    return [str(problem) for problem in caught.value.problems]


def url_of(settings):
    return settings.database_url.get_secret_value()


@pytest.mark.parametrize("url", ["postgresql://u:CANARY@host/db", "postgres:///db?password=CANARY"])
def test_a_url_with_a_password_is_for_the_environment_and_shown_nowhere(url):
    found = Settings.from_environment({"WEBHOOKD_DATABASE_URL": url})
    assert url_of(found) == url
    assert "CANARY" not in repr(found)

    (problem,) = problems({}, database_url=url)
    assert problem.startswith("--database-url: it holds a password")
    assert "CANARY" not in problem


def test_a_postgresql_url_without_a_password_may_be_an_option():
    found = Settings.from_environment(
        {}, database_url="postgresql://u@host:5433/db?sslmode=require"
    )

    assert url_of(found) == "postgresql://u@host:5433/db?sslmode=require"


def test_nothing_set_gives_the_defaults():
    found = Settings.from_environment({})

    assert found.model_dump() | {"database_url": url_of(found)} == {
        "config": None,
        "state_directory": Path(".webhookd"),
        "database_url": "sqlite:///.webhookd/webhookd.db",
        "host": socket.gethostname(),
        "log_format": "auto",
        "log_level": "info",
        "log_successes": 1,
        "admin_address": None,
        "admin_token": None,
        "admin_token_file": None,
        "metrics_address": None,
        "watch_config": None,
        "inbound_address": None,
        "inbound_url": None,
        "inbound_tls_cert": None,
        "inbound_tls_key": None,
        "retention": timedelta(days=30),
        "max_in_flight": 1000,
        "proxy": None,
        "shutdown_timeout": timedelta(seconds=30),
    }


def test_the_environment_of_this_process_is_not_looked_at(monkeypatch):
    monkeypatch.setenv("WEBHOOKD_LOG_LEVEL", "debug")

    assert Settings.from_environment({}).log_level == "info"


def test_the_environment_is_read_and_options_win_over_it():
    environment = {
        "WEBHOOKD_LOG_LEVEL": "DEBUG",
        "WEBHOOKD_RETENTION": "5d",
        "WEBHOOKD_CONFIG": "a",
    }

    found = Settings.from_environment(environment, retention="6d", config=Path("b"), log_level=None)

    assert (found.log_level, found.retention) == ("debug", timedelta(days=6))
    assert found.config_path() == Path("b")


def test_the_database_stands_in_the_state_directory_that_systemd_names():
    found = Settings.from_environment({"STATE_DIRECTORY": "/var/lib/webhookd:/var/lib/other"})

    assert found.state_directory == Path("/var/lib/webhookd")
    assert url_of(found) == "sqlite:////var/lib/webhookd/webhookd.db"
    found = Settings.from_environment(
        {"STATE_DIRECTORY": "/var/lib/webhookd", "WEBHOOKD_STATE_DIRECTORY": "/srv"}
    )
    assert url_of(found) == "sqlite:////srv/webhookd.db"


def test_an_empty_variable_is_as_good_as_none():
    assert Settings.from_environment({"WEBHOOKD_RETENTION": ""}).retention == timedelta(days=30)


def test_every_problem_is_told_at_once_by_the_name_that_was_used():
    found = problems(
        {"WEBHOOKD_LOG_LEVEL": "inof", "WEBHOOKD_SHUTDOWN_TIMEOUT": "30"}, max_in_flight=0
    )

    assert found == [
        (
            "WEBHOOKD_LOG_LEVEL: 'inof' is not one of debug, info, warning, error; "
            "did you mean 'info'?"
        ),
        "--max-in-flight: '0' is not a whole number from 1 to 100000",
        (
            "WEBHOOKD_SHUTDOWN_TIMEOUT: '30' is not a duration; write a whole number above zero "
            "and a unit, like 500ms, 30s, 5m, 8h or 3d"
        ),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:CANARY",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://",
        "webhookd.db",
        "sqlite:///a?mode=CANARY",
        "sqlite:///a%41",
        "sqlite:///a\n",
        "mysql://CANARY",
    ],
)
def test_a_url_of_no_database_is_refused_and_not_shown(url):
    (problem,) = problems({"WEBHOOKD_DATABASE_URL": url})

    assert "sqlite:///PATH" in problem
    assert "CANARY" not in problem


WITH_A_BARE_PASSWORD = (
    "postgresql://user:CANARY/word@host/db",
    "postgresql://user:12/CANARY@host/db",
    "postgresql://user:/CANARY@host:5432/db",
    "postgresql://user/CANARY:b@host/db",
    "postgresql://user:CANARY@word@host/db",
    "postgresql://user:CANARY:word@host/db",
    "postgresql://user:CANARY?word@host/db",
    "postgresql://user:12?CANARY@host/db",
    "postgresql://user:12?host=CANARY@host/db",
    "postgresql://user:CANARY#word@host/db",
    "postgresql://user:CANARY word@host/db",
    "postgres://user:12#CANARY@host/db",
    "postgresql://user:[CANARY@host/db",
    "postgresql://user:CANARY]@host/db",
    "postgresql://user:CANARY%@host/db",
    "postgresql://user:CANARY%zz@host/db",
    "postgresql://user:CANARY%CA@host/db",
    "postgresql://user:CANARY%00@host/db",
    "postgresql://user@host:CANARY/db",
    "postgresql://user@host:65536/CANARY",
    "postgresql://user@a:1,b:0/CANARY",
    "postgresql:///db?user=u&password=CANARY@host",
    "postgresql:///db?password=CANARY%FF",
    "postgresql:///db?passwor%64=CANARY",
    "postgresql:///db?port=CANARY",
    "postgresql:///db?dbname=postgresql://u:CANARY@host/db",
    "postgresql://host/CANARY@db",
    "postgresql://host/CANARY:db",
)


@pytest.mark.parametrize("url", WITH_A_BARE_PASSWORD)
def test_a_url_that_could_show_a_part_of_its_password_is_refused_and_not_shown(url):
    """The place of a database is shown, so that no part of a password may pass for one."""
    for found in (
        problems({"WEBHOOKD_DATABASE_URL": url}),
        problems({}, database_url=url),
    ):
        (problem,) = found
        assert "CANARY" not in problem
    (problem,) = problems({"WEBHOOKD_DATABASE_URL": WITH_A_BARE_PASSWORD[0]})
    assert "/ as %2F" in problem


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_every_password_can_be_written_in_a_url(password):
    url = f"postgresql://u:{quote(password, safe='')}@host/db"

    assert url_of(Settings.from_environment({"WEBHOOKD_DATABASE_URL": url})) == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/db",
        "postgresql://u@[2001:db8::1]:5433/db?sslrootcert=/etc/ssl/a.pem",
        "postgresql://a:1,b:2,c/db?target_session_attrs=read-write",
        "postgres://u:p@host",
        "postgresql://host:/db?options=-c%20search_path%3Da",
        "postgresql://?service=crm",
        "postgresql:///db?host=::1&port=5432",
    ],
)
def test_a_url_as_libpq_takes_it_stays_as_it_was(url):
    assert url_of(Settings.from_environment({"WEBHOOKD_DATABASE_URL": url})) == url
    assert PostgresKind(url).place.startswith("postgresql")


def test_no_password_in_a_variable_of_libpq_becomes_a_place(monkeypatch):
    monkeypatch.setenv("PGDATABASE", "postgresql://u:CANARY@host/db")

    with pytest.raises(StorageError) as caught:
        PostgresKind("postgresql://host")
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("name", ["what?", "#1", "100%", "a\nb"])
def test_a_state_directory_that_no_url_can_hold_is_refused_by_its_own_name(name):
    (problem,) = problems({}, state_directory=Path(name))
    assert problem.startswith("--state-directory: ")
    assert "choose another folder" in problem

    (problem,) = problems({"WEBHOOKD_STATE_DIRECTORY": name})
    assert problem.startswith("WEBHOOKD_STATE_DIRECTORY: ")


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "many", "100001", "1" * 5000, "٣", " 5"])
def test_a_number_that_is_none_is_refused(number):
    (problem,) = problems({"WEBHOOKD_MAX_IN_FLIGHT": number})

    assert problem.endswith("is not a whole number from 1 to 100000")


def test_the_name_of_this_host_may_be_given_and_is_visible_text():
    assert Settings.from_environment({"WEBHOOKD_HOST": "files1"}).host == "files1"
    assert Settings.from_environment({"WEBHOOKD_HOST": "files1"}, host="b").host == "b"
    for name in ("", " ", "a b", "a\n", "b\u00fcro", "a" * 254):
        (problem,) = problems({}, host=name)
        assert problem.startswith("--host: ")
        assert problem.endswith("is 1 to 253 visible ASCII characters without spaces")


@pytest.mark.parametrize(
    ("given", "name"), [("web-1.lan", "web-1.lan"), ("a b\udcff", "a?b?"), ("", "localhost")]
)
def test_whatever_the_machine_is_called_a_daemon_starts(given, name, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: given)

    assert Settings.from_environment({}).host == name


def test_a_configuration_that_nobody_named_is_asked_for():
    with pytest.raises(ConfigError, match=r"WEBHOOKD_CONFIG: is not set; .* --config PATH"):
        Settings.from_environment({}).config_path()


def test_the_reference_lists_every_setting():
    listed = re.findall(r"`WEBHOOKD_([A-Z_]+)` \|", reference())

    assert [name.lower() for name in listed] == list(Settings.model_fields)


def test_the_proxy_of_the_process_is_one_of_http_and_without_a_password():
    found = Settings.from_environment({"WEBHOOKD_PROXY": "http://proxy.example.com:3128"})
    assert found.outgoing_proxy() == Proxy("http://proxy.example.com:3128")
    assert Settings.from_environment({}).outgoing_proxy() is None

    for url in ("http://u:CANARY@proxy:3128", "socks5://proxy:1080", "http://proxy", "direct"):
        (problem,) = problems({"WEBHOOKD_PROXY": url})
        assert problem.startswith("WEBHOOKD_PROXY: ")
        assert "CANARY" not in problem


@pytest.mark.parametrize(("written", "one_in"), [("all", 1), ("none", 0), ("1/20", 20)])
def test_successes_are_logged_all_none_or_one_in_n(written, one_in):
    found = Settings.from_environment({"WEBHOOKD_LOG_SUCCESSES": written})

    assert found.log_successes == one_in


def test_the_admin_socket_is_where_the_daemon_runs():
    told = {"RUNTIME_DIRECTORY": "/run/webhookd:/run/other"}

    assert Settings.from_environment({}).admin_socket({}) == "unix:.webhookd/admin.sock"
    assert Settings.from_environment({}).admin_socket(told) == "unix:/run/webhookd/admin.sock"


def test_the_admin_token_may_be_in_a_file_and_is_never_shown(tmp_path):
    (tmp_path / "token").write_text("canary\n")
    found = Settings.from_environment({"WEBHOOKD_ADMIN_TOKEN_FILE": str(tmp_path / "token")})

    assert found.token().reveal() == "canary"
    assert "canary" not in repr(Settings.from_environment({"WEBHOOKD_ADMIN_TOKEN": "canary"}))


@pytest.mark.parametrize("token", ["CANARY\nb", "CANARY\x7f", "CANARY\rb", "CANARY\tb"])
def test_an_admin_token_that_no_header_carries_is_refused_and_not_shown(token, tmp_path):
    (tmp_path / "token").write_bytes(token.encode())
    file = str(tmp_path / "token")

    for setting, value in (("ADMIN_TOKEN", token), ("ADMIN_TOKEN_FILE", file)):
        found = Settings.from_environment({f"WEBHOOKD_{setting}": value})
        with pytest.raises(ConfigError, match=f"WEBHOOKD_{setting}: .*control character") as caught:
            found.token()
        assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("path", ["~/x", "$HOME/x", "${HOME}/x", r"C:\x", "//server/x", "s3://b/x"])
@pytest.mark.parametrize("name", ["CONFIG", "STATE_DIRECTORY", "ADMIN_TOKEN_FILE"])
def test_a_path_that_only_a_shell_or_windows_knows_is_refused(name, path):
    (problem,) = problems({f"WEBHOOKD_{name}": path})

    assert problem.startswith(f"WEBHOOKD_{name}: ")
    assert "write" in problem


@pytest.mark.parametrize("path", ["~/x", "$HOME/x", r"C:\x"])
def test_so_it_is_in_options_and_behind_unix_and_sqlite(path):
    (config,) = problems({}, config=Path(path))
    (socket,) = problems({"WEBHOOKD_ADMIN_ADDRESS": f"unix:{path}"})
    (database,) = problems({"WEBHOOKD_DATABASE_URL": f"sqlite:///{path}"})

    assert config.startswith("--config: ")
    assert socket.startswith("WEBHOOKD_ADMIN_ADDRESS: ")
    assert database.startswith("WEBHOOKD_DATABASE_URL: ")


def test_a_dollar_inside_of_a_name_is_none_of_a_shell(tmp_path):
    settings = Settings.from_environment({"WEBHOOKD_STATE_DIRECTORY": str(tmp_path / "a$b")})

    assert settings.state_directory == tmp_path / "a$b"
