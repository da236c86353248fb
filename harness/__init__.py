"""The engine: what runs, in what order, and what it records."""
