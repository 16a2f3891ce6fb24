"""What is looked up for people: records, properties, files, and the configuration on the disk."""
