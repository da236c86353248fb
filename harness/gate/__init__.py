"""The regression gate: is this run worse than a baseline over the same questions?"""
