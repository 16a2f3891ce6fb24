"""The real daemon, whose event loop is looked at every five milliseconds instead of now and then.

`python -m benchmarks.watched_daemon run …`: what `webhookd_event_loop_lag_seconds` then says is
whether anything ever held the loop up.
"""

from webhookd import cli
from webhookd.process import parts

if __name__ == "__main__":
    parts.LAG_EVERY = 0.005
    cli.main()
