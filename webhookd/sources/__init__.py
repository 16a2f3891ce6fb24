"""Where records are read: the Source protocol, the drop directory and the record formats."""
