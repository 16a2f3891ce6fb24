"""The process: its parts, how they start and stop, its signals, its state directory."""
