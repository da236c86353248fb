"""What people read: the leaderboard and one page per run."""
