"""What HubSpot is asked for one type of object, and what it answers.

`pages` and `batch_reads` ask through `api` and take answers apart with `responses`; `left_out`
reports the records that cannot be understood.
"""
