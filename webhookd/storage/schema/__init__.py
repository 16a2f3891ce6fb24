"""The tables, and their way from one version to the next.

`tables` describes them as they are now, `versions` says which ones a database has, `upgrade` runs
the steps in `migrations`, `rolling_upgrade` those that go on beside running daemons, and
`copy_to_postgresql` moves everything from SQLite.
"""
