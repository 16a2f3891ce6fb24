"""Building the daemon: `whole_daemon` joins the parts and says in which order they are entered.

`engine_assembly` builds the database, the fleet and the delivery engine, `source_assembly` the
sources, `wake_assembly` the listener of wakes.
"""
