"""What is known of records, how far sources have been read, the journal, backfills."""
