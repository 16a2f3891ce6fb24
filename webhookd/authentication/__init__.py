"""How the daemon shows other servers who it is, and which secrets must therefore be hidden."""
