"""Runs untrusted code, and does nothing else."""

from apigauge.sandboxes.verdict import Limits, Program, Sandbox, Verdict

__all__ = ["Limits", "Program", "Sandbox", "Verdict"]
