"""What a page shows is met by what differs at each run, and by nothing else."""

import pytest

from tests.documents.matching import Shown
from tests.documents.readers import Ids

ONE, OTHER = "01a222bd53a717dba494f4f407dbc0e1", "01a22315b9cca69ebe820536648730d8"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (f"webhook-id: {ONE}", f"webhook-id: {OTHER}"),
        ("stored 4s ago, next in 2h", "stored 1m 12s ago, next in 119m"),
        ("15:19:22 info  took 0.004 s  …56cf8f", "16:00:01 info  took 1.2 s  …c4a7d4"),
        ("erp   failing  2", "erp       failing  2"),
        ("refused: 127.0.0.1 …", "refused: 127.0.0.1 refuses"),
        ("date: Sat, 28 Nov 2026 15:33:04 GMT", "date: Sun, 01 Mar 2027 00:00:00 GMT"),
    ],
)
def test_what_differs_at_each_run_is_met(shown, printed):
    assert Shown((shown,)).met(printed + "\n", whole=True)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("1 delivery retried", "2 deliveries retried"),
        ("answered 200", "answered 2000"),
        (f"webhook-id: {ONE}", "webhook-id: 7"),
        ("a b", "a  b"),
        ("status", "status\nmore"),
    ],
)
def test_what_is_another_is_not_met(shown, printed):
    assert not Shown((shown,)).met(printed + "\n", whole=True)


def test_an_id_of_the_page_is_always_the_same_one_and_moments_are_not_ids():
    shown = Shown((f"webhook-id: {ONE}", "webhook-timestamp: 1795879162"))
    ids = Ids()

    def learned(one, moment):
        printed = f"webhook-id: {one}\nwebhook-timestamp: {moment}\n"
        return ids.learn(shown.learned(shown.met(printed, whole=True)))

    assert learned(OTHER, 1795884956)
    assert learned(OTHER, 1795884957)
    assert ids.real(f"webhookd explain {ONE[-6:]}") == f"webhookd explain {OTHER[-6:]}"
    assert not learned(ONE, 1795884958)
