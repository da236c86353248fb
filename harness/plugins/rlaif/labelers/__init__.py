"""Labelers answer the eight questions about a program: one labeler a file, the contract in ``types``."""
