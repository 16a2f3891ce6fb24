"""Requests to a REST API: composed, sent, and led on from page to page."""
