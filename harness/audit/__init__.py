"""Audits of the benchmark, the environments and the hubs themselves, independent of any model."""
