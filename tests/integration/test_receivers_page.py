"""The code that a page gives to receivers: it takes what webhookd sends, and nothing else.

Each language's block is run as it stands, with what calls it behind; a language that is not on the
machine is left out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.documented_requests import DELIVERY, ENVIRONMENT, filled
from tests.making import LOOPBACK
from tests.receiver import Receiver
from webhookd import clock
from webhookd.definitions import Tls
from webhookd.delivery.sender import LocalSender
from webhookd.transport import SendOptions, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs" / "receivers.md").read_text(encoding="utf-8")
SECRET, KEY, OLD_KEY = (ENVIRONMENT[name] for name in ("CLIENT_SECRET", "WHSEC", "OLD_WHSEC"))
SCHEMES = ("hubspot_v1", "hubspot_v2", "hubspot_v3", "standard_webhooks", "github", "stripe")
TIMED = ("hubspot_v3", "standard_webhooks", "stripe")
OF_URL = ("hubspot_v2", "hubspot_v3")
HEADERS = {
    **dict.fromkeys(("hubspot_v1", "hubspot_v2"), "x-hubspot-signature"),
    "hubspot_v3": "x-hubspot-signature-v3",
    "standard_webhooks": "webhook-signature",
    "github": "x-hub-signature-256",
    "stripe": "stripe-signature",
}


@dataclass(frozen=True)
class Case:
    """A request, and the secret that a receiver verifies it with."""

    name: str
    scheme: str
    secret: str
    method: str
    url: str
    body: bytes
    headers: dict[str, str]
    is_right: bool

    def line(self) -> str:
        """Return it as programs read it."""
        facts = {**vars(self), "body": base64.b64encode(self.body).decode()}
        return json.dumps(facts)


def case(scheme: str, *, app: str = "1234567", age: timedelta = timedelta(), get: bool = False):
    """Return a request as it is signed now, or was some time ago."""
    body = "body: {properties: [email], static: {name: 'Żółć 🚀'}}"
    request = (
        "request: {url: 'https://erp.example.com/h%C3%B6k?a=b&c=:/@', "
        f"{'method: GET' if get else body}, signature: {{app_id: '{app}', scheme: {scheme}}}}}"
    )
    made = filled(request, "contacts", at=clock.now() - age)
    headers = {name.lower(): value for name, value in made.headers}
    return Case("", scheme, SECRET, made.method, made.uri, made.body, headers, is_right=True)


def cases() -> Iterator[Case]:
    """Yield requests that are right and such that are not, each with what a receiver must say."""
    for scheme in SCHEMES:
        app = "partner" if scheme == "standard_webhooks" else "1234567"
        right = case(scheme, app=app)
        right = replace(right, secret=KEY if app == "partner" else SECRET)
        yield replace(right, name=f"{scheme}: right")
        wrong = replace(right, is_right=False)
        other = "whsec_" + "b3RoZXIh" * 6 if app == "partner" else "another secret"
        yield replace(wrong, name=f"{scheme}: another secret", secret=other)
        yield replace(wrong, name=f"{scheme}: another body", body=right.body + b" ")
        header = HEADERS[scheme]
        for what, value in {
            "no signature": None,
            "an empty signature": "",
            "a cut signature": right.headers[header].split(" ")[0][:-1],
            "letters of no alphabet": "²" + right.headers[header] + "ü",
            "commas": ",=,t,v1,t=1,v1=",
        }.items():
            changed = {name: text for name, text in right.headers.items() if name != header}
            changed |= {} if value is None else {header: value}
            yield replace(wrong, name=f"{scheme}: {what}", headers=changed)
        yield replace(wrong, name=f"{scheme}: no headers", headers={})
    yield replace(case("hubspot_v2", get=True), name="hubspot_v2: GET")
    yield replace(case("hubspot_v3", get=True), name="hubspot_v3: GET")
    for scheme in OF_URL:
        right = case(scheme)
        yield replace(right, name=f"{scheme}: PUT", method="PUT", is_right=False)
        yield replace(right, name=f"{scheme}: URL", url=right.url + "&", is_right=False)
    yield from untimely()
    old = replace(case("standard_webhooks", app="partner"), secret=OLD_KEY)
    yield replace(old, name="standard_webhooks: the secret before")
    yield replace(
        old,
        name="standard_webhooks: id",
        headers={**old.headers, "webhook-id": "x"},
        is_right=False,
    )
    rotating = replace(case("stripe", app="partner"), secret=KEY)
    yield replace(rotating, name="stripe: of two")
    yield replace(rotating, name="stripe: the secret before", secret=OLD_KEY)


def untimely() -> Iterator[Case]:
    """Yield requests that are old, of a time to come, or of no time at all."""
    for scheme in TIMED:
        app = "partner" if scheme == "standard_webhooks" else "1234567"
        secret = KEY if app == "partner" else SECRET
        for what, minutes, is_right in (
            ("four minutes old", 4, True),
            ("six minutes old", 6, False),
            ("of a time to come", -6, False),
        ):
            made = case(scheme, app=app, age=timedelta(minutes=minutes))
            yield replace(made, name=f"{scheme}: {what}", secret=secret, is_right=is_right)
    for header, scheme in (
        ("x-hubspot-request-timestamp", "hubspot_v3"),
        ("webhook-timestamp", "standard_webhooks"),
    ):
        app = "partner" if scheme == "standard_webhooks" else "1234567"
        right = case(scheme, app=app)
        for value in ("", "²²²²", "-1", "1e9", "9" * 40, "soon"):
            yield replace(
                right,
                name=f"{scheme}: at {value!r}",
                secret=KEY if app == "partner" else SECRET,
                headers={**right.headers, header: value},
                is_right=False,
            )


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


NODE = """
const names = {hubspot_v1: hubspotV1, hubspot_v2: hubspotV2, hubspot_v3: hubspotV3,
  standard_webhooks: standardWebhooks, github, stripe};
for (const line of require("fs").readFileSync(0, "utf8").trim().split("\\n")) {
  const one = JSON.parse(line);
  console.log(names[one.scheme]({...one, body: Buffer.from(one.body, "base64")}));
}
"""
PHP = """
foreach (file('php://stdin') as $line) {
    $one = json_decode($line, true);
    $body = base64_decode($one['body']);
    $is = $one['scheme']($one['secret'], $one['method'], $one['url'], $body, $one['headers']);
    echo $is ? "true\\n" : "false\\n";
}
"""
GO = """package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	verify := map[string]func(string, Request) bool{
		"hubspot_v1": HubSpotV1, "hubspot_v2": HubSpotV2, "hubspot_v3": HubSpotV3,
		"standard_webhooks": StandardWebhooks, "github": GitHub, "stripe": Stripe,
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one struct {
			Scheme, Secret, Method, URL string
			Body                        []byte
			Headers                     map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		header := http.Header{}
		for name, value := range one.Headers {
			header.Set(name, value)
		}
		fmt.Println(verify[one.Scheme](one.Secret, Request{one.Method, one.URL, one.Body, header}))
	}
}
"""


def in_python(_folder: Path, several: list[Case]) -> list[bool]:
    space: dict[str, Any] = {}
    exec(compile(block("python"), "receivers.md", "exec"), space)  # noqa: S102 - our own page
    return [
        space[one.scheme](one.secret, one.method, one.url, one.body, one.headers) for one in several
    ]


def in_node(folder: Path, several: list[Case]) -> list[bool]:
    (folder / "verify.js").write_text(block("js") + NODE)
    return answers(["node", "verify.js"], folder, several)


def in_php(folder: Path, several: list[Case]) -> list[bool]:
    (folder / "verify.php").write_text(block("php") + PHP)
    return answers(["php", "verify.php"], folder, several)


def in_go(folder: Path, several: list[Case]) -> list[bool]:
    (folder / "go.mod").write_text("module receiver\n\ngo 1.21\n")
    (folder / "verify.go").write_text(block("go").replace("package receiver", "package main", 1))
    (folder / "main.go").write_text(GO)
    formatted = ["gofmt", "-l", "verify.go"]
    assert answers(formatted, folder, []) == [], "the page is written as gofmt has it"
    return answers(["go", "run", "."], folder, several)


def answers(command: list[str], folder: Path, several: list[Case]) -> list[bool]:
    told = "\n".join(one.line() for one in several) + "\n"
    done = subprocess.run(
        command, cwd=folder, input=told, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line == "true" for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("program", "run"),
    [
        pytest.param(program, run, id=program)
        for program, run in {
            "python3": in_python,
            "node": in_node,
            "go": in_go,
            "php": in_php,
        }.items()
    ],
)
def test_what_is_genuine_is_taken_and_nothing_else(program, run, tmp_path):
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here")
    several = list(cases())

    found = run(tmp_path, several)

    assert len(found) == len(several) > 60
    wrong = [
        one.name for one, is_right in zip(several, found, strict=True) if is_right != one.is_right
    ]
    assert wrong == []


def test_the_headers_on_the_wire_are_those_that_the_page_lists():
    with Receiver() as receiver:
        made = filled(
            f"""
            request:
              url: {receiver.url}/hook
              allow_http: true
              headers: {{X-Tenant: acme}}
              authentication: {{type: bearer, token: {{env: ERP_KEY}}}}
              signature: {{app_id: "1234567"}}
            """,
            "contacts",
        )
        options = SendOptions(timeout=30, connect_timeout=3, tls=Tls(), egress=LOOPBACK, proxy=None)

        async def send() -> None:
            transport = Transport(None)
            await LocalSender(transport).send(made, options)
            await transport.aclose()

        asyncio.run(send())

    (one,) = receiver.received
    table = PAGE[PAGE.index("| header | says |") : PAGE.index("Names of headers")]
    listed = set(re.findall(r"`([a-z-]+)`", table)) - {"headers", "authentication"}
    # The sender of this test keeps no traces.
    listed.remove("traceparent")
    signed = {"x-hubspot-signature", "x-hubspot-signature-version"}
    assert set(one.headers) == listed | {"x-tenant"} | signed
    assert one.id == DELIVERY
