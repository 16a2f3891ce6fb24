"""CSV, JSON and NDJSON files as streams of rows, each with its place in the file."""
