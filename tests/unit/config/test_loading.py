"""Loading: secrets, files, folders, warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from webhookd import definitions
from webhookd.config import loading
from webhookd.errors import ConfigError
from webhookd.model import Secret


def test_relative_paths_start_from_the_tmp_path_of_the_file(tmp_path, monkeypatch, minimal):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "secret").write_text("from a file\r\n")
    key = "{type: bearer, token: {file: secret}}"
    text = minimal.replace('hook"}', f'hook", authentication: {key}}}')
    (tmp_path / "inner" / "config.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)

    found = loading.load(Path("inner/config.yaml"), environment={}).definitions

    assert found.sources["crm"].path == tmp_path / "inner" / "drop"
    assert found.webhooks["hook"].request.authentication == definitions.Bearer(
        Secret("from a file")
    )


def test_a_credential_is_a_file_in_the_directory_that_systemd_names(tmp_path, minimal, loaded):
    (tmp_path / "token").write_text("from systemd")
    key = "{type: basic, username: me, password: {credential: token}}"
    text = minimal.replace('hook"}', f'hook", authentication: {key}}}')

    found = loaded(text, CREDENTIALS_DIRECTORY=str(tmp_path)).definitions

    authentication = found.webhooks["hook"].request.authentication
    assert authentication == definitions.Basic("me", Secret("from systemd"))


def test_offline_looks_for_no_secrets_and_files_and_says_so(minimal, loaded):
    request = "tls: {ca_file: nowhere.pem}, authentication: {type: bearer, token: {env: NOT_SET}}"
    text = minimal.replace('hook"}', f'hook", {request}}}')

    found = loaded(text, offline=True)

    assert found.is_offline
    assert found.definitions.secrets == ()
    assert found.definitions.webhooks["hook"].request.authentication == definitions.Bearer(
        Secret("")
    )
    assert not loaded(minimal).is_offline


def test_plans_that_differ_in_a_secret_only_have_one_hash_and_are_not_equal(minimal, loaded):
    key = "{type: bearer, token: {env: TOKEN}}"
    text = minimal.replace('hook"}', f'hook", authentication: {key}}}')

    one, other, again = (loaded(text, TOKEN=token).definitions for token in ("a", "b", "a"))

    assert one.hash == other.hash
    assert one != other
    assert one == again


def test_the_hash_is_that_of_the_content_and_not_of_its_form(minimal, loaded):
    source = "    source: crm\n"
    same = minimal.replace(source, "").replace(
        "contacts\n", "contacts\n    'source':   crm # why\n"
    )
    other = minimal.replace("/hook", "/other")

    hashes = [loaded(text).definitions.hash for text in (minimal, same, other)]

    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 12
    assert int(hashes[0], 16) >= 0


def test_the_hash_is_the_same_whatever_comes_first_in_the_file(minimal, loaded):
    head, hooks = minimal.split("webhooks:\n")
    one, two = hooks, hooks.replace("hook:", "other:", 1)

    first, second = (
        loaded(f"{head}webhooks:\n{text}").definitions for text in (one + two, two + one)
    )

    assert first.hash == second.hash


def test_the_document_for_comparing_has_every_default_and_no_secret(minimal, loaded):
    key = "{type: bearer, token: {env: TOKEN}}"
    text = minimal.replace('hook"}', f'hook", authentication: {key}}}')

    found = loaded(text, TOKEN="CANARY").document

    hook = found["webhooks"]["hook"]
    assert hook["delivery"]["retry"]["first_after"] == "1m"
    assert hook["request"]["authentication"]["token"]["env"] == "TOKEN"
    assert "CANARY" not in repr(found)


def test_a_file_of_authorities_has_a_fingerprint_of_its_content(
    tmp_path, authority_pem, minimal, loaded
):
    (tmp_path / "ca.pem").write_bytes(authority_pem)
    text = minimal.replace('hook"}', 'hook", tls: {ca_file: ca.pem}}')

    tls = loaded(text).definitions.webhooks["hook"].request.tls

    assert tls.ca_file == tmp_path / "ca.pem"
    assert len(tls.ca_fingerprint) == 64


def test_the_files_of_a_tmp_path_are_merged(tmp_path, minimal):
    source, webhooks = minimal.split("webhooks:")
    (tmp_path / "b.yaml").write_text(source)
    (tmp_path / "a.yaml").write_text("version: 1\nwebhooks:" + webhooks)
    (tmp_path / ".hidden.yaml").write_text("not read")
    (tmp_path / "notes.txt").write_text("not read")

    assert loading.load(tmp_path, environment={}).definitions.webhooks.keys() == {"hook"}


@pytest.mark.parametrize("name", ["nowhere.yaml", "n" * 300, "nul\0"])
def test_a_path_that_leads_nowhere_is_a_problem_without_a_place(tmp_path, name):
    with pytest.raises(ConfigError) as caught:
        loading.load(tmp_path / name, environment={})

    (problem,) = caught.value.problems
    assert problem.file == str(tmp_path / name)
    assert problem.message.startswith("cannot be read: ")


def test_a_problem_is_one_harmless_line_whatever_the_file_is_called(tmp_path):
    path = tmp_path / "a\x1b[31m\nb.yaml"
    path.write_text("version: 1\nfoo: 1\n")
    with pytest.raises(ConfigError) as caught:
        loading.load(path, environment={})

    (problem,) = map(str, caught.value.problems)
    assert problem.isprintable()
    assert "a\\x1b[31m\\nb.yaml:2:1: foo: unknown key" in problem


def test_what_is_wrong_with_the_names_of_files_stands_in_their_order(tmp_path):
    for name in ("c.yaml", "b.yml", "a.yaml"):
        (tmp_path / name).write_text("version: 2\n")

    with pytest.raises(ConfigError) as caught:
        loading.load(tmp_path, environment={})

    names = [Path(problem.file).name for problem in caught.value.problems]
    assert names == ["a.yaml", "b.yml", "c.yaml"]


def test_a_link_that_leads_to_itself_does_not_hang(tmp_path, minimal, loaded):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    text = minimal.replace("path: drop", "path: loop/drop")

    assert loaded(text).definitions.sources["crm"].path == tmp_path / "loop" / "drop"


@pytest.mark.parametrize(
    "host",
    [
        "10.1.2.3",
        "127.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "a.localhost.",
        "[::1]",
        "[fd00::1]",
    ],
)
def test_an_address_that_egress_refuses_is_a_warning(host, minimal, loaded):
    (warning,) = loaded(minimal.replace("example.com", host)).warnings

    assert (warning.line, warning.where) == (8, "webhooks.hook.request.url")
    assert warning.message.startswith("egress will refuse this: ")


@pytest.mark.parametrize("host", ["example.com", "8.8.8.8", "[2606:4700::1]"])
def test_other_hosts_are_none(host, minimal, loaded):
    assert loaded(minimal.replace("example.com", host)).warnings == ()


def test_an_address_that_is_allowed_is_no_warning_and_deny_beats_allow(minimal, loaded):
    text = minimal.replace("example.com", "10.1.2.3")

    assert loaded(text + "egress: {allow: [10.0.0.0/8]}").warnings == ()
    (warning,) = loaded(text + "egress: {allow: [10.0.0.0/8], deny: [10.1.0.0/16]}").warnings
    assert "egress.allow" not in warning.message


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({}, ""),
        ({".env": "ANOTHER=1\n"}, ""),
        ({".env": "no variable\n"}, ""),
        (
            {".env.example": "SECRET=x\n"},
            "; .env.example has it: --env-file .env.example reads that",
        ),
        (
            {".env": "SECRET=mine\n", ".env.example": "SECRET=x\n"},
            "; .env has it: --env-file .env reads that",
        ),
    ],
)
def test_a_variable_that_is_not_set_is_told_with_the_file_that_has_it(
    tmp_path, monkeypatch, minimal, files, hint
):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "config.yaml").write_text(
        minimal.replace('hook"}', 'hook", authentication: {type: bearer, token: {env: SECRET}}}')
    )
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as caught:
        loading.load(Path("config.yaml"), environment={})

    (problem,) = caught.value.problems
    assert problem.message == f"the environment variable SECRET is not set{hint}"
