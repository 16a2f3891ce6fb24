"""Webhookd: record changes in, signed and retried webhooks out.

Start reading at `docs/architecture.md`; the words of the domain are in `webhookd.model`.
"""

__version__ = "0.1.0"
