"""Timers of webhooks and the moments of their records: when webhooks look at records again."""
