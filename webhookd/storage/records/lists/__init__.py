"""Lists of an API: whole lists of records that were read, and lists that records are members of."""
