"""The client of the admin API, for commands and for the console."""
