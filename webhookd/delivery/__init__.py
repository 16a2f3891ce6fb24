"""From a stored delivery to its settlement.

`scheduling` brings back what is due (APScheduler and its job store), `lanes` decides who may go
now, `courier` makes one attempt (`outgoing` is what it sends), `settling` writes what came of it.
"""
