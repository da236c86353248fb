"""Results of other harnesses, read as runs: one file a format."""
