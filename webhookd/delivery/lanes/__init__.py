"""The lanes of webhooks: what of each is in memory, what may start, and when to fetch more."""
