"""What operators may ask of the running daemon; reload and housekeeping."""
