"""Log lines on their way to a real file that stands for the journal."""

import json
import logging
from contextlib import redirect_stderr

import pytest

from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.telemetry import logs


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """Return a function that calls another with the journal as stderr, and gives its lines."""
    path = tmp_path / "journal"
    path.touch()
    found = path.stat()
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")

    def written(log_format, emit):
        with path.open("w") as file, redirect_stderr(file):
            logs.configure(log_format, "DEBUG")
            emit()
        return path.read_text().splitlines()

    return written


def test_each_level_has_its_priority_in_the_journal(journal):
    def emit():
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(logs.log, level)("daemon.ready", number=1)

    lines = journal("auto", emit)
    assert [line[:4] for line in lines] == ["<7>{", "<6>{", "<4>{", "<3>{", "<2>{"]
    assert json.loads(lines[0][3:])["event"] == "daemon.ready"


def test_every_line_of_an_event_has_the_priority(journal):
    def emit():
        logs.log.error("first\nsecond", stack="one\ntwo")

    lines = journal("console", emit)
    assert len(lines) > 1
    assert all(line.startswith("<3>") for line in lines)


def test_lines_of_libraries_have_a_priority_too(journal):
    def emit():
        logging.getLogger("a.library").warning("look out")

    assert journal("json", emit)[0].startswith('<4>{"')


@pytest.mark.parametrize("elsewhere", [None, "", "1:1", "nonsense"])
def test_stderr_that_is_not_the_journal_gets_plain_lines(journal, monkeypatch, elsewhere):
    monkeypatch.delenv("JOURNAL_STREAM")
    if elsewhere is not None:
        monkeypatch.setenv("JOURNAL_STREAM", elsewhere)

    def emit():
        logs.log.error("daemon.ready")

    assert journal("json", emit)[0].startswith("{")


@pytest.mark.parametrize("length", [20, logs.SHORT, logs.SHORT + 1, 5000])
def test_a_text_that_was_logged_before_is_redacted_by_the_secrets_of_now(journal, length):
    text = "of-yesterday".ljust(length, "x")

    def emit():
        logs.log.error("daemon.ready", text=text, texts=[text])
        for _ in range(2):
            logs.redact_with(Redactor([Secret("of-yesterday")]).text)
            logs.log.error("daemon.ready", text=text, texts=[text])

    before, *after = [json.loads(line[3:]) for line in journal("json", emit)]
    assert (before["text"], before["texts"]) == (text, [text])
    for line in after:
        assert line["text"].startswith("***x")
        assert line["texts"][0].startswith("***x")


def test_what_json_does_not_know_is_shown_as_python_shows_it(journal):
    def emit():
        logs.log.error("daemon.ready", found={1: {2}}, name="Zo\u00eb")

    (line,) = journal("json", emit)
    assert json.loads(line[3:])["found"] == {"1": "{2}"}
    assert "Zo\u00eb" in line


SHORT = [
    "info",
    "warn",
    "warning",
    "error",
    "2026",
    "20",
    "d0af",
    "a",
    "e",
    "1",
    "-",
    ":",
    '"',
    "\\",
    "🔑",
]
LONG = ["delivery.attempted", "attempted", "orders-crm", "contacts", "webhookd"]


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("secret", [*SHORT, *LONG, "true", "orders", "retry"])
def test_a_secret_that_is_a_word_of_the_log_changes_no_line(journal, log_format, secret):
    """Levels, events, times, ids of deliveries and names are written whatever secrets there are."""
    facts = {
        "webhook": "orders",
        "source": "orders-crm",
        "object": "contacts",
        "record_id": "1",
        "delivery_id": "d0af12852e",
        "superseded": ["d0af12852f"],
        "outcome": "retry",
        "retry_at": "2026-11-27T10:00:00.000+00:00",
    }
    error = f'1 error, "as" told: {secret}s in a \\ line of 2026 - true'

    def emit():
        logs.redact_with(Redactor([Secret(secret)]).text)
        logs.log.warning("delivery.attempted", **facts, error=error, answer=secret)

    (line,) = journal(log_format, emit)
    assert line.startswith("<4>")
    for text in ("orders", "contacts", "orders-crm", "12852e", "d0af12852f", "retry"):
        assert text in line
    if log_format == "json":
        found = json.loads(line[3:])
        assert found["level"] == "warning"
        assert found.items() >= facts.items()
        assert found["answer"] == "***"
        assert found["error"] == error.replace(secret, "***" if len(secret) >= 8 else secret)


@pytest.mark.parametrize("record_id", ["canary-1", ["1", "canary-1"]])
def test_an_id_of_a_record_is_searched_where_it_is_long_enough(journal, record_id):
    key = "record_id" if isinstance(record_id, str) else "record_ids"

    def emit():
        logs.redact_with(Redactor([Secret("canary-1"), Secret("1")]).text)
        logs.log.warning("source.records_ahead", **{key: record_id})

    (line,) = journal("json", emit)
    assert json.loads(line[3:])[key] == ("***" if isinstance(record_id, str) else ["1", "***"])


def test_a_line_of_a_library_is_searched_whole(journal):
    def emit():
        logs.redact_with(Redactor([Secret("canary-1")]).text)
        logging.getLogger("a.library").warning("said canary-1")

    (line,) = journal("json", emit)
    assert json.loads(line[3:])["event"] == "said ***"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_a_library_caught_is_searched_too(journal, log_format):
    """Its stack is shown, in which the secret may be written as Python or libpq writes it."""

    def emit():
        logs.redact_with(Redactor([Secret("cañary-1")]).text)
        caught = ValueError("cañary-1", "cañary-1".encode(), "ca\\303\\261ary-1")
        logging.getLogger("a.library").error("failed", exc_info=caught)

    told = "".join(journal(log_format, emit))
    assert "ValueError: ('***', b'***', '***')" in told
    assert "ary-1" not in told


def test_a_value_of_any_kind_is_searched(journal):
    raised = ValueError("canary-1")

    def emit():
        logs.redact_with(Redactor([Secret("canary-1")]).text)
        logs.log.warning("a.b", raised=raised, raw=[b"canary-1"], map={"canary-1": raised}, count=1)

    (line,) = journal("json", emit)
    found = json.loads(line[3:])
    shown = "ValueError('***')"
    assert found["raised"] == shown
    assert found["raw"] == ["b'***'"]
    assert found["map"] == {"***": shown}
    assert found["count"] == 1


def test_a_redactor_that_fails_costs_texts_and_no_line(journal):
    def emit():
        logs.redact_with(lambda text: 1 / 0)
        logs.log.warning("source.failed", source="crm", error="canary", problems=["canary"])

    (line,) = journal("json", emit)
    found = json.loads(line[3:])
    assert (found["event"], found["source"]) == ("source.failed", "crm")
    assert found["error"] == found["problems"] == logs.UNSHOWN
