"""The admin API: health and metrics for machines, `/v1` for the command line.

`application` holds the routes, `asking` turns what is asked into values, `guard` says who may ask,
`listening` where it listens, `description` is its OpenAPI document.
"""

from __future__ import annotations

from webhookd.admin.application import application
from webhookd.admin.listening import AdminAddress, listening, reachable

__all__ = ["AdminAddress", "application", "listening", "reachable"]
