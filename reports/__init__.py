"""What people read: the leaderboard, one page per run, and one of two runs compared."""
