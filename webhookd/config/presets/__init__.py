"""Presets: definitions of REST sources that are shipped, and what a file makes of them."""
