"""Where entries lie: memory, SQLite, Redis, behind one contract; and the fences that end them."""
