"""From a stored delivery to its settlement.

`scheduler` and `job_store` bring back what is due, `lanes` and `slots` decide which delivery may
go now, `courier` makes one attempt (`signed_request` is what it sends), `settlements` writes
what came of it.
"""
