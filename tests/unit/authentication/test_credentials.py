"""What requests carry to show who sends them."""

from __future__ import annotations

import pytest

from tests.making import NOW
from webhookd.authentication.credentials import Authorization, Fixed
from webhookd.definitions import ApiKey, Basic, Bearer
from webhookd.model import Secret

FIXED = {
    "none": (None, Authorization()),
    "key in a header": (
        ApiKey("x-api-key", "header", Secret("k1")),
        Authorization((("x-api-key", "k1"),)),
    ),
    "key in the query": (
        ApiKey("key", "query", Secret("k&1")),
        Authorization(query=("key", "k&1")),
    ),
    "bearer": (
        Bearer(Secret("t1")),
        Authorization((("authorization", "Bearer t1"),)),
    ),
    "basic by reference": (
        Basic(Secret("zoë"), Secret("pw:1")),
        Authorization((("authorization", "Basic em/Dqzpwdzox"),)),
    ),
    "bearer by another name": (
        Bearer(Secret("t1"), "Token token="),
        Authorization((("authorization", "Token token=t1"),)),
    ),
    "basic": (
        Basic("zoë", Secret("pw:1")),
        Authorization((("authorization", "Basic em/Dqzpwdzox"),)),
    ),
}


def without_waiting(coroutine):
    """Return what *coroutine* returns; fail if it gives its turn of the event loop away."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value


@pytest.mark.parametrize(("authentication", "expected"), FIXED.values(), ids=FIXED.keys())
def test_fixed_credentials_authorize_at_once(authentication, expected):
    credentials = Fixed(authentication)

    assert without_waiting(credentials.authorize(NOW)) == expected
    assert not credentials.refused(0, 401)


def test_an_authorization_does_not_show_what_it_carries():
    for authentication, _ in FIXED.values():
        shown = repr(without_waiting(Fixed(authentication).authorize(NOW)))
        assert shown == "Authorization(serial=0)"
