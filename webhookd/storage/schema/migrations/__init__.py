"""How a database of an older webhookd becomes one of this version: Alembic's revisions.

`env.py` is what Alembic runs; each module of `versions` is one step, never changed once it has
been released. A step must do on a database with deliveries what `tables` says of a new one.
"""
