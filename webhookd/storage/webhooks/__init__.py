"""What is kept of each webhook beside its lane: how it stands, its latest attempts and starts."""
