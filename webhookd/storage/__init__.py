"""The one database: deliveries, known records, files, lanes.

`writer` owns the only connection that writes; `outbox`, `lanes`, `records` and `files` are what
may be asked of it; `listing` reads for the command line. SQL is written nowhere else.
"""
