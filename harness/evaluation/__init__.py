"""A run from end to end: answers, scores and summary, in a run directory."""
