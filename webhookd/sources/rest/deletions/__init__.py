"""What was deleted, where rows of a list do not say so: by its absence, or a list of its own."""
