"""Who answers: one backend a file, and their shared parts (prompts, sampling, seeds, the cache of completions)."""
