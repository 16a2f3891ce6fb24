"""What happens, told to who watches: attempts as they end, holds, reloads, sources, acts."""
