"""What the OpenAPI description says of each path, a module for each subject."""
