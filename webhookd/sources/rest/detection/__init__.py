"""What changed since the last poll, where the API can be asked for that."""
