"""One metric a file. ``table.py`` lists them (names, meaning, range, direction); ``types.py`` has the contracts."""
