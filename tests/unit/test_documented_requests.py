"""What pages show and say of requests is what webhookd sends and does."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hubspot.utils.signature import Signature as HubSpotSignature

from tests.documented_requests import ENVIRONMENT, PAGES, renewed, sent
from webhookd.cli.commands import COMMANDS
from webhookd.config import loading
from webhookd.config.schema import schema
from webhookd.definitions import BodyFormat, DeliveryPolicy, Scheme
from webhookd.model import Delivered, GivenUp, Held, Hints, Response, RetryAt, Unreachable
from webhookd.rules.retry import judge
from webhookd.rules.retry_after import asked_for
from webhookd.transport.answer import BODY_LIMIT

DOCS = Path(__file__).parents[2] / "docs"
MOVING = (DOCS / "moving-from-hubspot.md").read_text(encoding="utf-8")
RECEIVERS = (DOCS / "receivers.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"<!-- sent: (.*?) -->\n```yaml\n(.*?)```\n\n```http\n(.*?)```\n", re.DOTALL)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def pages():
    return {name: (DOCS / name).read_text(encoding="utf-8") for name in PAGES}


@pytest.mark.parametrize("name", PAGES)
def test_requests_of_pages_are_those_that_are_sent(name):
    page = pages()[name]

    assert len(EXAMPLE.findall(page)) == page.count("<!-- sent:") > 3
    assert renewed(page) == page, "renew it: python -m tests.documented_requests"


@pytest.mark.parametrize("name", PAGES)
def test_links_of_pages_lead_somewhere(name):
    def headings(text):
        found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        return {re.sub(r"[^a-z0-9 _-]", "", one.lower()).replace(" ", "-") for one in found}

    for target in re.findall(r"\]\((?!https:)([^)]+)\)", pages()[name]):
        file, _, anchor = target.partition("#")
        text = (DOCS / (file or name)).read_text(encoding="utf-8")
        assert not anchor or anchor in headings(text), target


@pytest.mark.parametrize("name", PAGES)
def test_commands_of_pages_exist(name):
    assert set(re.findall(r"`webhookd ([a-z]+)", pages()[name])) <= COMMANDS.keys()


def test_hubspots_library_verifies_the_signatures_on_the_page():
    verified = 0
    for _, _, request in EXAMPLE.findall(MOVING):
        head, _, body = request.partition("\n\n")
        method, target, _ = head.partition("\n")[0].split()
        headers = dict(re.findall(r"^([\w-]+): (.*)$", head, re.MULTILINE))
        if "X-HubSpot-Signature" not in headers:
            continue
        # As it was sent: without the line breaks and blanks between the members.
        compact = re.sub(r'("(?:[^"\\]|\\.)*")|\s+', r"\1", body)
        assert len(compact.encode()) == int(headers["content-length"])
        expected = HubSpotSignature.get_signature(
            ENVIRONMENT["CLIENT_SECRET"],
            compact,
            "v2",
            f"https://{headers['host']}{target}",
            method,
        )
        assert headers["X-HubSpot-Signature"] == expected
        verified += 1
    assert verified == 2


def test_the_workflow_is_the_webhook_that_the_page_says(tmp_path):
    (text,) = re.findall(r"```yaml\n(version: 1\n.*?)```", MOVING, re.DOTALL)
    (tmp_path / "config.yaml").write_text(text)
    environment = {"CLIENT_SECRET": "example-client-secret", "HUBSPOT_TOKEN": "pat-token-of-it"}

    loaded = loading.load(tmp_path / "config.yaml", environment=environment)

    assert loaded.warnings == ()
    request = yaml.safe_dump(
        {"request": yaml.safe_load(text)["webhooks"]["new-customer"]["request"]}
    )
    assert sent(request, "contacts") == EXAMPLE.findall(MOVING)[0][2]


def test_every_key_of_a_request_that_the_table_names_exists():
    table = MOVING[MOVING.index("## Field by field") : MOVING.index("## Bodies as sent")]
    definitions = schema()["$defs"]

    def keys(name):
        return definitions[name]["properties"].keys()

    assert set(re.findall(r"`request\.([a-z]+)", table)) <= keys("request")
    assert set(re.findall(r"`request\.body\.([a-z]+)", table)) <= keys("body")
    assert set(re.findall(r"`request\.query\.([a-z]+)", table)) <= keys("query")
    assert set(re.findall(r"`trigger\.([a-z]+)", table)) <= keys("trigger")
    assert set(re.findall(r"`delivery\.([a-z_]+)", table)) <= keys("delivery")


def test_the_retries_are_those_that_the_page_tells():
    policy = DeliveryPolicy()
    told = {
        "connecting may take": (policy.connect_timeout, "3 s"),
        "the whole exchange may take": (policy.timeout, "30 s"),
        "first repeated after": (policy.retry.first_after, "1 minute"),
        "at most this far apart": (policy.retry.at_most_every, "8 hours"),
        "given up after": (policy.retry.give_up_after, "3 days"),
    }
    lengths = {
        "3 s": timedelta(seconds=3),
        "30 s": timedelta(seconds=30),
        "1 minute": timedelta(minutes=1),
        "8 hours": timedelta(hours=8),
        "3 days": timedelta(days=3),
    }

    for row, (default, text) in told.items():
        assert default == lengths[text]
        assert re.search(rf"^\| {row} \| {text} \| {text}", MOVING, re.MULTILINE), row
    assert policy.retry.retry_on == ("3xx", "429", "5xx")
    assert policy.retry.retry_after_unit == "seconds"


def test_the_receivers_60000_is_what_the_page_says():
    assert "`Retry-After: 60000`" in MOVING
    assert asked_for("60000", unit="seconds", now=NOW) == NOW + timedelta(hours=16, minutes=40)
    assert asked_for("60000", unit="milliseconds", now=NOW) == NOW + timedelta(minutes=1)


def test_every_body_format_and_scheme_is_on_the_receivers_page():
    assert [one for one in BodyFormat if f"`{one}`" not in RECEIVERS] == []
    table = RECEIVERS[RECEIVERS.index("| `scheme` |") : RECEIVERS.index("### Python")]
    assert [one for one in Scheme if f"| `{one}`" not in table] == []


def outcome_of(reply):
    return judge(
        reply,
        policy=DeliveryPolicy(),
        attempts_made=1,
        hints=Hints(),
        first_attempt_at=NOW,
        held_for=timedelta(),
        now=NOW,
        dice=0.0,
    )


def told_of(status):
    """Return what the receivers' page says of an answer: the narrowest row."""
    table = RECEIVERS[RECEIVERS.index("| answer |") : RECEIVERS.index("The first repetition")]
    rows = dict(re.findall(r"^\| (\d\d\d[^|]*?) \| (.*) \|$", table, re.MULTILINE))
    if str(status) in rows:
        return rows[str(status)]
    (found,) = (text for row, text in rows.items() if row.startswith(f"{status // 100}00 to "))
    return found


@pytest.mark.parametrize("status", range(200, 600))
def test_an_answer_leads_to_what_the_page_says(status):
    told = told_of(status).replace("as 429", told_of(429))

    match outcome_of(Response(status, retry_after="120")):
        case Delivered():
            assert told == "delivered"
        case Held():
            assert told.startswith("the webhook is held")
        case GivenUp():
            assert told.startswith("given up at once")
        case RetryAt(when, _, paused_until):
            assert told.startswith("tried again")
            assert when == NOW + timedelta(seconds=120)
            is_for_all = "holds for all deliveries of the webhook" in told
            assert (paused_until is not None) is is_for_all


def test_no_answer_is_tried_again_and_the_lengths_are_those_on_the_page():
    outcome = outcome_of(Unreachable("timeout", "no answer"))

    assert isinstance(outcome, RetryAt)
    assert outcome.when == NOW + timedelta(minutes=1)
    assert "| none within 30 s, no connection, a broken answer | tried again |" in RECEIVERS
    assert DeliveryPolicy().timeout == timedelta(seconds=30)
    assert (DeliveryPolicy().retry.factor, BODY_LIMIT) == (2, 64 * 1024)
