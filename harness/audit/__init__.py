"""What is right or wrong with the benchmark, the environment and the hubs themselves, rather than with a model."""
