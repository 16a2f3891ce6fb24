"""A configuration is read again: what is refused, and how the rest is put in force."""
