"""Passes, absences and what a person lets through, on PostgreSQL as a member of a fleet."""

from __future__ import annotations

from typer.testing import CliRunner

from tests import postgresql
from tests.integration.sources.rest.conftest import dump, kinds
from webhookd.cli.app import app


def test_what_is_set_aside_and_let_through_is_so_on_postgresql_too(reading, api, logged):
    for _ in range(30):
        api.create()
        api.later(0.5)
    api.later(60)
    crm = reading()
    server = postgresql.server()
    crm.url = server.url(server.new())
    assert crm.poll() == []
    api.later(7200)
    gone = sorted(api.records)[10:]
    api.delete(*gone)
    assert kinds(crm.poll()) == {}
    assert [one["event"] for one in logged] == ["source.absence_set_aside"]

    run = CliRunner().invoke(app, ["sources", "accept", "crm/items", "--database-url", crm.url])
    assert run.exit_code == 0, run.output
    api.later(60)
    assert sorted(kinds(crm.poll(times=2))["deleted"]) == gone
    assert crm.known() == dump(api)
