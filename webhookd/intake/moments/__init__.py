"""Moments: planned with the records that they follow from, and brought about when they come."""
