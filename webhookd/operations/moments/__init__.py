"""What is asked of moments: which there are, and that one does not come."""
