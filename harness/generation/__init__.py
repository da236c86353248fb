"""Who answers: one backend a file, and what they share (prompts, sampling, seeds, the cache of completions)."""
