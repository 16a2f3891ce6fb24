"""JSON that is larger than memory: a window over its text, members of objects, documents."""
