"""Tiny modules under the names of the real ones. The builder copies this folder into the hub, where programs load it.

Outputs have the real shapes, and the attributes that programs replace (``fc``, ``classifier``) the real sizes.
Arguments meet a constructor with the real one's parameters, so a wrong one fails as it really does.
"""
