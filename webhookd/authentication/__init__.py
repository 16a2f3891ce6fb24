"""How the daemon shows other servers who it is, and which secrets it must hide for that."""
