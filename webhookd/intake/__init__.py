"""A batch of observations becomes changes and deliveries, in one transaction; so do backfills."""
