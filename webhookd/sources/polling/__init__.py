"""Polling an API, whichever it is: when, how much, how far it was read, what refusals mean."""
