"""What the schema cannot say: one module for each section; `collection` runs them all."""
