"""What comes into a drop directory: which files there are, whether whole, and which is first."""
