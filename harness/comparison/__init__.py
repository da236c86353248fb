"""Compares two runs over one benchmark: where their answers and scores differ, and by how much."""
