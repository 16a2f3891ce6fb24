"""The digests of lanes: what counts as a change of a request, over upgrades and daemons."""

from dataclasses import replace
from datetime import timedelta

from tests.making import NOW
from webhookd.storage.deliveries import lanes
from webhookd.storage.deliveries.lanes import ConfiguredLane

OLD = "0123456789abcdef"
"""A digest as webhookd wrote them before they had a scheme."""
KNOWN = ConfiguredLane("crm-mirror", "2:request", "2:target")


def adopted(connection, *definitions):
    """Put definitions in force one after the other, the last while a 410 holds; return the row."""
    *before, last = definitions
    for definition in before:
        lanes.adopt(connection, [definition], NOW)
    lanes.hold_as_gone(connection, 1, "the receiver is gone (410)", NOW)
    lanes.keep_quiet(connection, 1, NOW + timedelta(hours=1))
    (row,) = lanes.adopt(connection, [last], NOW)
    return row


def test_a_digest_of_an_older_scheme_is_replaced_and_nothing_else_happens(connection):
    row = adopted(connection, ConfiguredLane("crm-mirror", OLD, OLD), KNOWN)

    assert (row.epoch, row.gone_reason) == (0, "the receiver is gone (410)")
    assert row.quiet_until == NOW + timedelta(hours=1)
    assert (row.request_digest, row.target_digest) == ("2:request", "2:target")


def test_beside_an_older_scheme_what_this_daemon_saw_change_counts(connection):
    row = adopted(
        connection, ConfiguredLane("crm-mirror", OLD, OLD), replace(KNOWN, is_retargeted=True)
    )

    assert (row.epoch > 0, row.gone_reason, row.quiet_until) == (True, None, None)


def test_a_changed_target_lifts_a_410_and_makes_what_waits_due(connection):
    row = adopted(connection, KNOWN, replace(KNOWN, target_digest="2:t", request_digest="2:r"))

    assert (row.epoch > 0, row.gone_reason, row.quiet_until) == (True, None, None)


def test_what_another_daemon_put_in_force_already_is_no_change_once_more(connection):
    """Each daemon of a fleet is reloaded with the same file, one after the other."""
    row = adopted(connection, KNOWN, replace(KNOWN, is_retargeted=True))

    assert (row.epoch, row.gone_reason) == (0, "the receiver is gone (410)")


def test_the_key_is_made_once_and_every_connection_finds_the_same(database, connection):
    key = lanes.digest_key(connection)
    other = database.connect()

    assert lanes.digest_key(other) == key
    assert len(key) == 32
    other.close()
