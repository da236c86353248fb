"""A benchmark from an installable package: catalogue by introspection, items from the examples of docstrings."""
