"""What commands answer beside a daemon, and on its database once it has stopped."""

from __future__ import annotations

import json


def beside_and_without(daemon, arguments, ask):
    """Return what *ask* got for each of *arguments* beside *daemon*, and after it was stopped."""
    beside = {one: ask(one) for one in arguments}
    daemon.stop()
    without = {one: ask(one) for one in arguments}
    daemon.close()
    return beside, without


def objects(done):
    """Return the JSON objects that a command printed, one a line."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
