"""What the daemons on one database write for each other: members, shares, notifications."""
