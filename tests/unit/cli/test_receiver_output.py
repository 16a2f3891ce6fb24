"""What `listen` shows of the requests that came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webhookd.cli.receiver import Receipt
from webhookd.cli.receiver_output import SHOWN_BODY, whole
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor

SECRET = "s3cr3t-t0k3n-5f2c8e7a"
NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("before", range(SHOWN_BODY - len(SECRET) - 2, SHOWN_BODY + 2))
def test_no_part_of_a_secret_is_shown_of_a_long_body(before):
    body = b"x" * before + SECRET.encode() + b"x" * 100
    receipt = Receipt(NOW, "POST", "http://127.0.0.1/", "/", (), body, None, 200)

    shown = whole(receipt, Redactor([Secret(SECRET)]).text).plain

    assert "s3c" not in shown
    assert f"… ({len(body):,} characters)" in shown
