"""Deliveries from the moment they are stored until retention deletes them.

`enqueue` stores them, `due` finds and claims what may be attempted, `settle` writes what came of
attempts; `lanes` has the one durable row of each webhook.
"""
