"""Charts of the leaderboard: each a picture, the finding in words, and the table of its numbers."""
