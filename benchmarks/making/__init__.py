"""A benchmark from an installable package: its catalogue by introspection, its items from the examples of docstrings."""
