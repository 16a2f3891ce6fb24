"""Webhooks and drafts tried with a record: looked at, or sent once."""
