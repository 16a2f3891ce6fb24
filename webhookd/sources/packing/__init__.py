"""Files that are packed: gzip member by member, the one data file of a zip."""
