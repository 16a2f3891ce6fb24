"""`make bench`: every measurement, each as a ratio to a baseline in the same run."""

from __future__ import annotations

import uvloop

from benchmarks import delivering, senders

if __name__ == "__main__":
    uvloop.run(delivering.main())
    print()
    uvloop.run(senders.main())
