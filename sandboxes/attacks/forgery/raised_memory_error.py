"""Raises MemoryError without having used memory: such a verdict may be bought, but it is none that counts."""
# expect: memory
# stage: 2

raise MemoryError
