"""What heads, correctors and critics cost: operations, seconds, memory."""
