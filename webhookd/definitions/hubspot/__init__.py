"""HubSpot as a source: its settings, and what is read of each type of object."""
