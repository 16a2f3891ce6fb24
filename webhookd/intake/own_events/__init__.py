"""The daemon's own events, told to webhooks like records that are created."""
