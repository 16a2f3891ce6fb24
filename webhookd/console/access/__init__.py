"""Who gets into the console: links, sessions, and the gate before every page."""
