"""What is settled is in the log, however the daemon ends."""

from __future__ import annotations

import json

from tests.daemon import until
from tests.receiver import Receiver

ROWS = 2_000


def test_every_settled_attempt_has_its_line_after_a_kill(another):
    with Receiver() as receiver:
        daemon = another("killed")
        hook = {"source": "export", "object": "contacts"}
        request = {"url": receiver.url, "allow_http": True}
        daemon.configure({"hook": hook | {"request": request, "delivery": {"concurrency": 64}}})
        daemon.start()
        daemon.drop_rows("rows.ndjson", *({"id": str(number)} for number in range(ROWS)))
        for part in (4, 2):
            until(lambda part=part: daemon.tally("delivered") > ROWS // part, "some are delivered")
            daemon.kill()
            listed = "SELECT group_concat(id) FROM deliveries WHERE state = 'delivered'"
            settled = set(daemon.look(listed).split(","))
            logged = [
                json.loads(line)
                for line in daemon.log.splitlines()
                if '"delivery.attempted"' in line and line.endswith("}")
            ]
            assert settled <= {one["delivery_id"] for one in logged}
            daemon.start()
        until(lambda: daemon.tally("delivered") == ROWS, "all are delivered")
        daemon.stop()
