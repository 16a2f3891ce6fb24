"""Connections to the database, SQLite or PostgreSQL, and the one thread that writes to it."""
