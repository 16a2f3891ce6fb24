"""`check --online`: receivers' names and TLS, tokens, scopes, properties and their options."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from tests.certificates import serving
from tests.receiver import Answer, Receiver
from tests.token_server import TokenServer, saying

TYPES = {"contacts": {"email": "string", "stage": "enumeration", "score": "number"}}
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def hook(url, **request):
    return {"source": "export", "object": "contacts", "request": {"url": url, **request}}


def check(daemon, webhooks, **more):
    daemon.configure(webhooks, **more)
    return daemon.command("check", "--online", "--config", "config.yaml")


def online(done):
    """Return what it found: the lines that are no warnings."""
    return [one for one in done.stderr.splitlines() if not one.startswith("warning: ")]


def test_certificates_are_looked_at_and_no_request_is_sent(daemon, authority):
    authority.cert_pem.write_to_path(daemon.folder / "ca.pem")
    ca = {"tls": {"ca_file": "ca.pem"}}
    end = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    with (
        Receiver(tls=serving(authority, "127.0.0.1")) as good,
        Receiver(
            tls=serving(authority, "127.0.0.1", not_before=end - DAY, not_after=end)
        ) as expired,
        Receiver(tls=serving(authority, "erp.example.com")) as another,
        Receiver(tls=serving(trustme.CA(), "127.0.0.1")) as unknown,
    ):
        done = check(
            daemon,
            {
                "good": hook(good.url, **ca),
                "again": hook(f"{good.url}/another", **ca),
                "expired": hook(expired.url, **ca),
                "another": hook(another.url, **ca),
                "unknown": hook(unknown.url, **ca),
                "disabled": hook("https://127.0.0.1:1/", **ca) | {"enabled": False},
            },
        )
        received = [one for server in (good, expired, another, unknown) for one in server.received]

    found = dict(line.split(": ", 1) for line in online(done))
    assert done.returncode == 1
    assert found.keys() == {"webhooks.expired", "webhooks.another", "webhooks.unknown"}
    assert "expired on 2024-02-29 12:30 UTC" in found["webhooks.expired"]
    assert "erp.example.com" in found["webhooks.another"]
    assert "authority" in found["webhooks.unknown"]
    assert received == []


def test_names_ports_and_refused_addresses_are_told(daemon):
    with Receiver() as receiver:
        port = receiver.port
    done = check(
        daemon,
        {
            "nobody": hook("https://nobody.invalid/hook"),
            "closed": hook(f"http://127.0.0.1:{port}/hook", allow_http=True),
            "private": hook("https://10.1.2.3/hook"),
        },
    )

    found = dict(line.split(": ", 1) for line in online(done))
    assert done.returncode == 1
    assert found["webhooks.nobody"].startswith("dns: nobody.invalid cannot be resolved")
    assert found["webhooks.closed"].startswith("refused: ")
    assert found["webhooks.private"].startswith("egress: ")


def test_all_is_well(daemon, receiver):
    done = check(daemon, {"mirror": hook(receiver.url, allow_http=True)})

    assert done.returncode == 0, done.stderr
    assert "online: looked at 1 receiver: nothing found" in done.stdout
    assert receiver.received == []


def test_a_receiver_behind_a_proxy_is_not_counted_as_looked_at(daemon, receiver):
    behind = hook("http://nobody.invalid/hook", allow_http=True, proxy="http://127.0.0.1:9")

    alone = check(daemon, {"behind": behind})
    both = check(daemon, {"behind": behind, "mirror": hook(receiver.url, allow_http=True)})

    assert (alone.returncode, both.returncode) == (0, 0)
    assert "online: looked at nothing: there is nothing to connect to" in alone.stdout
    assert "online: looked at 1 receiver: nothing found" in both.stdout


def test_token_servers_are_asked_and_what_they_say_is_told_without_secrets(daemon, receiver):
    def refusing(_):
        return saying({"error": "invalid_client", "error_description": "canary-secret"}, 401)

    daemon.environment |= {"CLIENT_ID": "erp", "CLIENT_SECRET": "canary-secret"}
    with TokenServer() as granting, TokenServer(refusing) as other:

        def authenticated(server):
            return hook(
                receiver.url,
                allow_http=True,
                authentication={
                    "type": "oauth2",
                    "token_url": server.token_url,
                    "client_id": {"env": "CLIENT_ID"},
                    "client_secret": {"env": "CLIENT_SECRET"},
                },
            )

        webhooks = {"one": authenticated(granting), "alike": authenticated(granting)}
        well = check(daemon, webhooks)
        done = check(daemon, webhooks | {"refused": authenticated(other)})
        asked = len(granting.received)

    assert well.returncode == 0, well.stderr
    assert "1 receiver, 1 token server" in well.stdout
    assert asked == 2
    assert done.returncode == 1
    (line,) = online(done)
    assert line.startswith("webhooks.refused.request.authentication: ")
    assert "invalid_client" in line
    assert "canary-secret" not in line
    assert receiver.received == []


def of_crm(daemon, crm, receiver, **more):
    source = {
        "type": "hubspot",
        "base_url": crm.url,
        "token": {"env": "CRM_TOKEN"},
        "objects": {"contacts": {"properties": ["email", "stage", "scroe"]}},
    }
    when = [{"property": "stage", "operator": "IN", "values": ["lead", "custmer"]}]
    mirror = {
        "source": "crm",
        "object": "contacts",
        "trigger": {"when": when},
        "request": {"url": receiver.url, "allow_http": True},
    } | more
    return check(daemon, {"mirror": mirror}, sources={"crm": source})


def test_properties_and_options_that_the_api_lacks_are_told_with_near_ones(daemon, crm, receiver):
    crm.options = {("contacts", "stage"): ["lead", "customer"]}

    done = of_crm(daemon, crm, receiver)

    assert done.returncode == 1
    problem, option = sorted(online(done), reverse=True)
    assert problem == (
        "sources.crm.objects.contacts.properties: scroe: the API has no property of this name;"
        " did you mean 'score'?"
    )
    assert "config.yaml:" in option
    assert "stage: 'custmer' is no option of it; did you mean 'customer'?" in option
    assert set(crm.requests) <= {("properties", 200), ("list", 200), ("read", 200)}


def test_a_token_and_a_scope_that_are_refused_are_told(daemon, crm, receiver):
    crm.forbidden.add("contacts")
    scope = of_crm(daemon, crm, receiver)
    daemon.environment["CRM_TOKEN"] = "another-token-0815"
    token = of_crm(daemon, crm, receiver)

    for done, word in ((scope, "scopes"), (token, "credentials")):
        assert done.returncode == 1
        (line,) = online(done)
        assert line.startswith("sources.crm.objects.contacts: ")
        assert word in line
        assert "another-token-0815" not in done.stderr


def test_silent_ones_are_waited_for_at_once_and_not_for_long(daemon):
    silent = Receiver(lambda _: Answer(is_silent=True))
    with silent:
        daemon.environment |= {"CLIENT_ID": "erp", "CLIENT_SECRET": "canary-secret"}
        many = {
            f"hook-{number}": hook(
                silent.url,
                allow_http=True,
                authentication={
                    "type": "oauth2",
                    "token_url": f"{silent.url}/{number}",
                    "client_id": {"env": "CLIENT_ID"},
                    "client_secret": {"env": "CLIENT_SECRET"},
                },
            )
            for number in range(8)
        }
        began = time.monotonic()
        done = check(daemon, many)

    assert done.returncode == 1
    assert len(online(done)) == 8
    assert time.monotonic() - began < 60


def test_offline_and_online_exclude_each_other(daemon):
    daemon.configure({})

    done = daemon.command("check", "--online", "--offline", "--config", "config.yaml")

    assert done.returncode == 2


def test_properties_are_fetched_with_types_and_options(daemon, crm, receiver):
    crm.options = {("contacts", "stage"): ["lead", "customer"]}
    crm.account.create("contacts", {"email": "ada@example.com", "stage": "lead"})
    of_crm(daemon, crm, receiver)
    fetch = ("sources", "properties", "crm", "--fetch", "--config", "config.yaml")

    done = daemon.command(*fetch, "--json")
    table = daemon.command(*fetch)
    nobody = daemon.command("sources", "properties", "crm", "deals", "--fetch", *fetch[-2:])

    assert done.returncode == 0, done.stderr
    found = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert found["stage"] | {"label": "", "share": 0} == {
        "source": "crm",
        "object": "contacts",
        "name": "stage",
        "examples": ["lead"],
        "records": 1,
        "of": 1,
        "share": 0,
        "used_by": ["mirror"],
        "type": "enumeration",
        "label": "",
        "options": ["lead", "customer"],
    }
    assert found["score"]["type"] == "number"
    lines = [line.split() for line in table.stdout.splitlines()]
    assert lines[1] == ["PROPERTY", "EXAMPLE", "RECORDS", "USED", "BY", "TYPE", "OPTIONS"]
    assert ["stage", "lead", "1", "mirror", "enumeration", "lead,", "customer"] in lines
    assert nobody.returncode == 1


def test_records_of_any_api_are_fetched(daemon, receiver):
    def answer(received):
        if received.headers.get("authorization") != "Bearer rest-token":
            return saying({"message": "who are you"}, 401)
        rows = [{"id": "1", "name": "Ada", "n": 1.5}, {"id": "2", "name": "Bob", "n": None}]
        return saying({"data": rows})

    with Receiver(answer) as api:
        daemon.environment["REST_TOKEN"] = "rest-token"
        source = {
            "type": "rest",
            "base_url": api.url,
            "authentication": {"type": "bearer", "token": {"env": "REST_TOKEN"}},
            "objects": {"people": {"records": "data", "detect": {"by": "comparison"}}},
        }
        mirror = hook(receiver.url, allow_http=True) | {"source": "crm", "object": "people"}
        mirror["request"]["body"] = {"properties": ["name", "nmae"]}
        checked = check(daemon, {"mirror": mirror}, sources={"crm": source})
        fetch = ("sources", "properties", "crm", "people", "--fetch", "--config", "config.yaml")
        done = daemon.command(*fetch)
        daemon.environment["REST_TOKEN"] = "other-token"
        refused = daemon.command(*fetch)

    assert checked.returncode == 1
    (line,) = online(checked)
    assert "nmae: none of 2 known records has a property of this name" in line
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["people", "of", "crm,", "of", "2", "records"]
    assert ["name", "Ada", "2", "mirror"] in lines
    assert ["n", "1.5", "1"] in lines
    assert refused.returncode == 1
    assert "401" in refused.stderr
    assert "other-token" not in refused.stderr
