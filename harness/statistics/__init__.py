"""Intervals and tests, all clustered by API."""
