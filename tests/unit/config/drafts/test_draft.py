"""A webhook's text against a configuration in force: the same definition, and no secret."""

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config import loading, models
from webhookd.config.defaults import added, merged
from webhookd.config.drafts import draft, written_draft
from webhookd.config.drafts.ground import PLACEHOLDER, ground
from webhookd.definitions import Bearer
from webhookd.model import Secret

ROOT = Path(__file__).parents[4]
EXAMPLE = loading.load(ROOT / "config.example.yaml", environment={}, offline=True)
GROUND = ground(EXAMPLE.document)


def written():
    (file,) = EXAMPLE.written
    for name, place in file.webhooks.items():
        yield name, f"webhooks:\n{file.lines(*place)}"


# A text with an alias is none without its anchor.
TEXTS = {name: text for name, text in written() if "*patient" not in text}


def without_secrets(webhook):
    """Return a webhook as it is told apart here: whatever secrets it has."""
    request = replace(
        webhook.request,
        authentication=None,
        proxy=getattr(webhook.request.proxy, "url", None),
        tls=[path and path.name for path in webhook.request.tls.names],
        signature=webhook.request.signature and webhook.request.signature.scheme,
        more_signatures=len(webhook.request.more_signatures),
        url=str(webhook.request.url),
        secrets=sorted(webhook.request.secrets),
    )
    return webhook.trigger, request, webhook.enabled, webhook.name, webhook.source, webhook.object


@pytest.mark.parametrize("name", TEXTS)
def test_a_draft_is_what_the_file_would_be(name):
    read = draft.read(TEXTS[name], GROUND)

    assert read.problems == ()
    in_force = EXAMPLE.definitions.webhooks[name]
    if isinstance(in_force.request.url, Secret):
        assert read.unsendable == "its URL is a secret, and a draft is sent with none"
        assert read.webhook.request.url.reveal().startswith("https://secret-url.invalid/")
    # The defaults for deliveries are the file's, and say nothing of a request.
    assert without_secrets(read.webhook) == without_secrets(in_force)


def test_a_reference_is_looked_up_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "the real one")
    (tmp_path / "token").write_text("the real one")
    for reference in ({"env": "TOKEN"}, {"file": str(tmp_path / "token")}, {"env": "NOT_SET"}):
        request = {
            "url": "https://a.example/",
            "authentication": {"type": "bearer", "token": reference},
        }
        webhook = {"source": "crm-export", "object": "contacts", "request": request}

        read = draft.read(yaml.safe_dump({"webhooks": {"w": webhook}}), GROUND)

        assert read.webhook.request.authentication == Bearer(Secret(PLACEHOLDER))


def test_what_a_draft_names_is_looked_for_in_the_configuration_in_force():
    text = """
webhooks:
  w:
    source: crm-exports
    object: contacts
    request:
      url: https://a.example/
      headers: {X-Room: "{{ secrets['chat-rooms'] }}"}
      signature: {app_id: "7", scheme: hubspot_v3}
"""

    told = [str(one) for one in draft.read(text, GROUND).problems]

    assert len(told) == 3
    assert told[0].startswith(
        "draft.yaml:4:13: webhooks.w.source: there is no source 'crm-exports'"
    )
    assert "there is no secret 'chat-rooms'; did you mean 'chat-room'?" in told[1]
    assert "signature.app_id" in told[2]


@given(st.text(max_size=200) | st.sampled_from(sorted(TEXTS.values())), st.data())
def test_whatever_is_written_is_a_draft_or_told_what_is_wrong(text, data):
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 30))
    inserted = data.draw(
        st.text(max_size=5) | st.sampled_from(["{{", "}}", "&a ", "*a", "\n- ", "["])
    )

    read = draft.read(text[:place] + inserted + text[place + cut :], GROUND)

    assert (read.webhook is None) == bool(read.problems)
    assert all(one.file == draft.FILE for one in read.problems)


def test_a_draft_takes_the_time_of_its_own_text_however_many_webhooks_there_are():
    webhooks = {f"w{n}": EXAMPLE.document["webhooks"]["new-customer"] for n in range(1000)}
    began = time.process_time()

    large = ground({**EXAMPLE.document, "webhooks": webhooks})
    for text in TEXTS.values():
        draft.read(text, large)

    assert (time.process_time() - began) / len(TEXTS) < 0.05


def test_a_draft_is_not_large():
    read = draft.read("#" * (draft.LARGEST + 1), GROUND)

    assert "at most 64 KiB" in str(read.problems[0])


PATIENT = {"delivery": {"timeout": "12s", "retry": {"first_after": "5m", "at_most_every": "1h"}}}
MINE = (
    "webhooks:\n  w:\n    source: crm\n    object: deals\n    request: {url: 'https://a.example'}\n"
)


def test_what_the_defaults_of_the_file_say_holds_for_a_draft_too():
    read = draft.read(MINE, ground(EXAMPLE.document, PATIENT))

    assert read.webhook.delivery.timeout == timedelta(seconds=12)
    assert read.webhook.delivery.retry.first_after == timedelta(minutes=5)
    assert dict(read.added) == {
        "delivery.timeout": "12s",
        "delivery.retry.first_after": "5m",
        "delivery.retry.at_most_every": "1h",
    }


def test_a_draft_goes_over_the_defaults_and_is_checked_with_them():
    own = MINE + "    delivery: {timeout: 3s, retry: {first_after: 10m}}\n"
    read = draft.read(own, ground(EXAMPLE.document, PATIENT))
    assert read.webhook.delivery.timeout == timedelta(seconds=3)
    assert dict(read.added) == {"delivery.retry.at_most_every": "1h"}

    wrong = draft.read(own.replace("10m", "2h"), ground(EXAMPLE.document, PATIENT))

    (problem,) = wrong.problems
    assert problem.message == "first_after (2h) is longer than at_most_every (1h)"


DELIVERIES = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.sampled_from(["30s", "12s", "3s"]),
        "concurrency": st.sampled_from([1, 10]),
        "retry": st.fixed_dictionaries(
            {}, optional={"first_after": st.sampled_from(["1m", "5m"]), "jitter": st.just(0.5)}
        ),
    },
)


@given(DELIVERIES, DELIVERIES)
def test_what_is_made_of_a_definition_is_the_same_under_the_defaults_of_the_file(usual, own):
    """A webhook whose own text cannot be had: what its defaults add is not written again."""
    defaults = {"delivery": usual}
    whole = {**EXAMPLE.document["webhooks"]["new-customer"], "delivery": merged(usual, own)}

    written = written_draft.webhook_of("w", None, whole, defaults)

    again = merged(usual, written.get("delivery", {}))
    form = models.Webhook.model_validate
    assert form({**whole, "delivery": again}) == form(whole)
    assert set(added_values(written.get("delivery", {}))).isdisjoint(added_values(usual))


def added_values(delivery):
    """Return each key with its value, at every depth."""
    return list(added(delivery, {}))
