"""Where untrusted code runs, and nothing else."""

from apigauge.sandboxes.verdict import Limits, Program, Sandbox, Verdict

__all__ = ["Limits", "Program", "Sandbox", "Verdict"]
