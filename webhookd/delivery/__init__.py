"""From a stored delivery to its settlement.

`scheduler` brings back what is due (APScheduler and its job store), `lane` decides which delivery
may go now, `courier` makes one attempt (`signed_request` is what it sends), `settlements` writes
what came of it.
"""
