"""Compose: what it shows of a draft is what the draft does once it is in the file."""

import hmac
import html
import json
import re
from base64 import b64encode
from itertools import combinations, product

import pytest
import yaml

from tests.console.stage import CANARY, Stage
from tests.console.test_pages import SAME, Acting, plain_text
from tests.daemon import SECRET, until
from tests.receiver import Answer, Receiver
from webhookd.console import showing
from webhookd.console.composing import draft_fields, drafting
from webhookd.console.forms import Form

OWN = {"webhook-id", "webhook-timestamp", "x-hubspot-request-timestamp"}
"""Headers that no two requests share."""


class Composing(Acting):
    """Fills the form of Compose."""

    def compose(self, path="/compose", status=200, **fields):
        token = re.search(r'form_token" value="([^"]*)', self.html)[1]
        given = {
            "form_token": token,
            "name": "new",
            "records": "export contacts",
            "changes": ["created", "updated"],
            "method": "POST",
            "takes": "all",
        }
        answer = self.client.post(path, data=given | fields, headers=SAME)
        assert answer.status_code == status, answer.text
        self.html = answer.text
        return plain_text(self.html)

    @property
    def yaml(self):
        (text,) = re.findall(r'<pre id="yaml-text"[^>]*>(.*?)</pre>', self.html, re.DOTALL)
        return html.unescape(text)

    @property
    def request(self):
        """Return the request that is shown: its first line, headers and body."""
        head = re.search(r'<p class="head">(.*?)</p>', self.html, re.DOTALL)[1]
        first, *lines = head.split("<br>")
        header = re.compile(r"<span>(.*?):</span> (.*)", re.DOTALL)
        pairs = [header.fullmatch(line.strip()).groups() for line in lines]
        body = re.search(r'<pre id="body"[^>]*>(.*?)</pre>', self.html, re.DOTALL)
        text = "" if body is None else html.unescape(body[1])
        method, url = re.sub(r"<[^>]*>", "", first).split()
        headers = {name.lower(): html.unescape(value) for name, value in pairs}
        return method, html.unescape(url), headers, text


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("composed")) as stage:
        bearer = {"type": "bearer", "token": {"env": "CANARY"}}
        stage.daemon.environment["STANDARD"] = f"whsec_{b64encode(bytes(32)).decode()}"
        stage.daemon.configure(
            {"live": stage.webhook("live", request={"authentication": bearer})},
            secrets={"room": {"env": "CANARY"}},
            apps={
                "1234567": {"client_secret": {"env": "APP_SECRET"}},
                "standard": {"client_secret": {"env": "STANDARD"}},
            },
            defaults={"delivery": {"timeout": "7s", "retry": {"first_after": "2m"}}},
        )
        stage.daemon.start()
        stage.daemon.drop_rows(
            "a.ndjson",
            *({"id": str(n), "email": f"p{n}@example.com", "amount": n * 10} for n in range(20)),
        )
        stage.wait_for(delivered=20)
        yield stage


@pytest.fixture
def composing(composed):
    with composed.console().viewer() as client:
        made = Composing(client)
        made.look("/compose")
        yield made


def to(stage, path="draft"):
    return {"url": f"{stage.receiver.url}/{path}", "allow_http": "1"}


def test_the_page_begins_with_a_draft_of_what_there_is(composing):
    text = composing.look("/compose")

    assert "20 of the last 20 changes would have fired" in text
    assert yaml.safe_load(composing.yaml)["webhooks"]["new-webhook"]["object"] == "contacts"
    assert "<option>amount" not in text
    assert 'name="as amount"' in composing.html
    assert "CANARY" in composing.html  # the reference; never what it holds
    assert CANARY not in composing.html


def test_conditions_are_explained_and_held_against_recent_changes(composing, composed):
    when = {"when_property": "amount", "when_operator": "GT", "when_text": "150"}

    text = composing.compose(**to(composed), **when)

    assert "fires 19 created" in text
    assert "4 of the last 20 changes would have fired" in text
    assert "amount GT 150 met 190" in text
    assert re.search(
        '<datalist id="values-1">(<option value="[0-9]+">){1,3}</datalist>', composing.html
    )
    text = composing.compose(**to(composed), **when, record_id="3")
    assert "does not fire 3 created" in text
    assert "amount GT 150 met 30" in text
    wanted = when | {"when_property": "no_such"}
    text = composing.compose(**to(composed), **wanted)
    assert "0 of the last 20 changes would have fired" in text
    assert "No change had no_such." in text
    assert "has no record &#39;99&#39;" in (
        composing.compose(**to(composed), record_id="99") and composing.html
    )


def test_a_week_of_changes_is_replayed_where_somebody_asks_for_it(composing, composed):
    when = {"when_property": "amount", "when_operator": "GT", "when_text": "150"}

    before = composing.compose(**to(composed), **when)
    assert 'name="replay" value="7d">Replay 7 days' in composing.html
    assert "of the last 7 days" not in before
    text = composing.compose(**to(composed), **when, replay="7d")

    assert "4 of the 20 changes of the last 7 days would have fired" in text
    assert "There was time" not in text
    assert "Replay 7 days" not in text


def test_what_is_wrong_is_told_with_its_line_and_the_yaml_stays(composing):
    text = composing.compose(url="ftp://x", scheme="github", app_id="9", authentication="api_key")

    assert re.search(r"line 6: webhooks.new.request.url: ", text)
    assert "signature.app_id" in text
    assert "ftp://x" in composing.yaml
    assert "Send a test" not in text
    assert "is no YAML: line 2" in composing.compose(rest="a: [")


def test_what_the_defaults_of_the_file_add_is_told_and_not_written_again(composing, composed):
    text = composing.compose(**to(composed))
    assert "An attempt takes at most 7 s" in text
    assert "defaults add delivery.timeout: 7s, delivery.retry.first_after: 2m , which" in text
    assert "delivery" not in composing.yaml

    text = composing.compose(**to(composed), rest="delivery: {timeout: 3s}")

    assert "An attempt takes at most 3 s" in text
    assert "defaults add delivery.retry.first_after: 2m , which" in text
    assert yaml.safe_load(composing.yaml)["webhooks"]["new"]["delivery"] == {"timeout": "3s"}
    wrong = composing.compose(**to(composed), rest="delivery: {retry: {at_most_every: 1m}}")
    assert "first_after (2m) is longer than at_most_every (1m)" in wrong
    composing.look("/compose?webhook=live")
    assert "delivery" not in yaml.safe_load(composing.yaml)["webhooks"]["live"]


KEY = {"authentication": "api_key", "auth_name": "X-Key", "secret": "CANARY"}
APPS = {"": "", "standard_webhooks": "standard"}
AUTHENTICATIONS = (
    {},
    KEY,
    KEY | {"auth_location": "query"},
    {"authentication": "bearer", "secret_in": "file", "secret": "secret.txt"},
    {"authentication": "basic", "auth_name": "Ü ser", "secret": "CANARY"},
)
TAKEN = ({}, {"takes": "chosen", "property": ["email", "amount"], "as amount": "a value"})
MORE = ({}, {"previous": "1"}, {"rest": 'request:\n  headers: {X-Room: "{{ secrets.room }}"}\n'})
AXES = (
    [{"method": one} for one in draft_fields.METHODS],
    AUTHENTICATIONS,
    [{"scheme": one, "app_id": APPS.get(one, "1234567")} for one in ("", *draft_fields.SCHEMES)],
    [{"format": one} for one in ("", *draft_fields.FORMATS)],
    TAKEN,
    MORE,
)
PRIME = 7
"""At least as many as any of these has, and as there are of them."""


def covering():
    """Return forms in which each of one axis meets each of every other: 52 instead of 7,350."""
    for first, second in product(range(PRIME), repeat=2):
        form = {}
        for place, axis in enumerate(AXES):
            form |= axis[(first + place * second) % PRIME % len(axis)]
        if form["format"] not in ("record", "standard_webhooks", "cloudevents"):
            # There is no room for the values before.
            form.pop("previous", None)
        if form["scheme"] == "hubspot_v1" and form["method"] in ("GET", "DELETE"):
            # It covers a body alone: what else the two meet, each meets by itself.
            yield f"v1-{first}-{second}", form | {"method": "POST"}
            form |= {"scheme": "hubspot_v2"}
        yield f"{form['method'].lower()}-{first}-{second}", form


FORMS = dict(covering())


def test_the_forms_hold_every_pair():
    assert max(len(AXES), *map(len, AXES)) <= PRIME
    for one, other in combinations(AXES[:4], 2):
        met = {
            (number, place)
            for form in FORMS.values()
            for number, part in enumerate(one)
            for place, again in enumerate(other)
            if part.items() <= form.items() and again.items() <= form.items()
        }
        lacking = len(one) * len(other) - len(met)
        # `hubspot_v1` meets no method without a body.
        assert lacking == (2 if {0, 2} == {AXES.index(one), AXES.index(other)} else 0)


def written(stage, name, fields):
    """Return the webhook that a form is, as its page shows it (which the test holds as well)."""
    pairs = {"name": name, "records": "export contacts", "method": "POST", "takes": "all"}
    pairs |= to(stage, name) | fields
    listed = [
        (key, each)
        for key, value in pairs.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    changes = [("changes", "created"), ("changes", "updated")]
    text, problem = drafting.text_of(draft_fields.of_form(Form(listed + changes)))
    assert problem == ""
    return text


def test_a_preview_is_byte_for_byte_what_the_receiver_gets(composing, composed):
    """Each method with each authentication, signature and format, in the file and reloaded."""
    config = yaml.safe_load(composed.daemon.config.read_text())
    (composed.folder / "secret.txt").write_text(CANARY)
    texts = {name: written(composed, name, fields) for name, fields in FORMS.items()}
    for text in texts.values():
        config["webhooks"] |= yaml.safe_load(text)["webhooks"]
    composed.daemon.config.write_text(yaml.safe_dump(config, sort_keys=False))
    reloaded = composed.daemon.reload()
    assert reloaded["event"] == "config.reloaded", reloaded
    composed.receiver.received.clear()
    delivered = composed.daemon.tally("delivered")
    composed.daemon.drop_rows("b.ndjson", {"id": "1", "email": "new@example.com", "amount": 7})
    composed.wait_for(delivered=delivered + len(FORMS) + 1)
    got = {one.target.partition("?")[0][1:]: one for one in composed.receiver.received}

    with composed.console().viewer() as client:
        # Another console: it has not seen the changes before this one.
        fresh = Composing(client)
        fresh.look("/compose")
        for name, fields in FORMS.items():
            fresh.compose(**to(composed, name), **{"name": name, **fields})
            assert fresh.yaml == texts[name]
            method, url, headers, body = fresh.request
            real = got[name]
            assert (method, url.removeprefix(composed.receiver.url)) == (
                real.method,
                real.target.replace(CANARY, "***"),
            )
            assert headers.keys() == real.headers.keys(), name
            for header in headers.keys() - OWN:
                if headers[header] == "(computed when sent)":
                    continue
                assert same(headers[header], real.headers[header]), (name, header)
            # On the page, JSON has a line for each value.
            sent = real.body.decode().replace(real.id, headers["webhook-id"])
            assert body == showing.indented(sent), name
            assert CANARY not in fresh.html


def same(shown, real):
    """Return whether a header is shown as it was, with `***` for what is secret in it."""
    if shown.endswith("***"):
        return real.startswith(shown.removesuffix("***"))
    return shown == real


def test_a_draft_is_sent_with_placeholders_and_its_answer_is_shown(composing, composed):
    composed.moods["try"] = Answer(418, body=b"<b>a teapot</b>")
    composed.receiver.received.clear()

    text = composing.compose("/compose/test", **to(composed, "try"), **KEY)

    assert "418 The receiver's answer" in text
    assert "&lt;b&gt;a teapot" in composing.html
    assert "placeholder for every secret" in text
    (got,) = composed.receiver.received
    assert (got.headers["x-key"], got.headers["webhookd-test"]) == ("placeholder", "1")
    acts = composed.daemon.named("person.acted")
    assert (acts[-1]["action"], acts[-1]["subject"]) == ("test", "a draft")
    assert "egress: 10.0.0.1:443 is not sent to" in composing.compose(
        "/compose/test", url="https://10.0.0.1/"
    )


@pytest.mark.parametrize("is_foreign", [False, True], ids=["in force", "foreign"])
def test_a_draft_never_carries_a_real_secret_wherever_it_is_sent(composing, composed, is_foreign):
    """Not even to a receiver that gets this very secret from a webhook in force."""
    room = 'request: {headers: {X-Room: "{{ secrets.room }}"}}'
    ways = [*AUTHENTICATIONS[1:], {"scheme": "github", "app_id": "1234567"}, {"rest": room}]
    (composed.folder / "secret.txt").write_text(CANARY)
    with Receiver() as foreign:
        receiver = foreign if is_foreign else composed.receiver
        composed.receiver.received.clear()
        for way in ways:
            address = {"url": f"{receiver.url}/live", "allow_http": "1"}
            assert "placeholder for every secret" in composing.compose(
                "/compose/test", **address, **way
            )
            assert CANARY not in composing.html
            assert CANARY not in composing.yaml
        got = receiver.received

    assert len(got) == len(ways)
    basic = b64encode(f"Ü ser:{CANARY}".encode()).decode()
    signed = hmac.new(SECRET.encode(), got[-2].body, "sha256").hexdigest()
    for one in got:
        told = f"{one.target}\n{one.headers}\n{one.body.decode()}"
        assert not any(secret in told for secret in (CANARY, basic, SECRET, signed)), told
    assert got[-1].headers["x-room"] == "placeholder"


def test_a_webhook_in_force_begins_a_draft(composing):
    text = composing.look("/webhooks/live")
    assert "Edit a copy" in text

    composing.look("/compose?webhook=live")

    assert yaml.safe_load(composing.yaml)["webhooks"]["live"]["request"]["authentication"] == {
        "type": "bearer",
        "token": {"env": "CANARY"},
    }
    assert "1 problem" not in plain_text(composing.html)
    composing.look("/compose?webhook=no-such", status=404)


def test_a_webhook_in_force_is_tested_with_a_real_record_after_it_was_looked_at(
    composing, composed
):
    composing.look("/webhooks/live")
    composed.receiver.received.clear()
    text = composing.press("Test…")
    assert "Nothing has been sent yet." in text
    assert composed.receiver.received == []
    assert "Bearer ***" in text
    assert "has no record" in composing.press("Look at it", record_id="no-such")
    assert "fires 4 created" in composing.press("Look at it", record_id="4")

    text = composing.press("Send it")

    (got,) = composed.receiver.received
    assert got.headers["authorization"] == f"Bearer {CANARY}"
    assert json.loads(got.body)["objectId"] == "4"
    assert "200 The receiver's answer" in text
    assert "thank you" in text
    assert CANARY not in composing.html
    acts = composed.daemon.named("person.acted")
    assert (acts[-1]["action"], acts[-1]["subject"]) == ("test", "live")


def test_a_viewer_looks_at_drafts_and_sends_none(composed):
    with composed.console("--role", "viewer").viewer() as client:
        viewing = Composing(client)
        viewing.look("/compose")

        text = viewing.compose(**to(composed))

        assert "would have fired" in text
        assert "Send a test" not in text
        assert "only shows" in viewing.compose("/compose/test", 403, **to(composed))


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "\u202e" * 40, "description": "</pre><script>window.pwned=1</script>"},
        {"rest": "[" * 50_000},
        {"rest": "a: &a [x]\n" + "b: *a\n" * 200},
        {"when_property": ["a"] * 300, "when_operator": ["EQ"] * 300, "when_text": ["1"] * 300},
        {"records": "no such"},
        {"records": ""},
        {"changes": []},
        {"method": "TRACE"},
        {"url": "https://x/" + "{{ a" * 1000},
        {"rest": "request: {body: {template: \"{{ 'a' * 9 }}\"}}"},
        {"property": ["a,b", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")]},
    ],
)
def test_whatever_a_form_holds_is_shown_or_told(composing, composed, fields):
    composing.compose(**{**to(composed), **fields})

    assert "<script>window" not in composing.html
    assert "Traceback" not in composed.daemon.log


def test_without_records_there_is_a_page_too(tmp_path):
    with Stage(tmp_path) as stage:
        stage.daemon.configure({"w": stage.webhook("w")})
        stage.daemon.start()
        with stage.console().viewer() as client:
            made = Composing(client)
            text = made.look("/compose")
            assert "No record is known yet" in text
            assert "this one is made up" in text
            assert "No change of contacts is kept yet." in text


def test_the_daemon_is_asked_for_changes_once_in_a_while(composing, composed):
    for number in range(5):
        composing.compose(**to(composed), description=f"{number}")
    composed.daemon.drop_rows("c.ndjson", {"id": "new-one"})
    until(
        lambda: composed.ask("/v1/records", source="export", object="contacts", id="new-one").get(
            "records"
        ),
        "it",
    )

    assert "of the last" in composing.compose(**to(composed))
