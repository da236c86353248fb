"""An exception that looks like the runner's own for a program that does not parse, or for trouble of its own."""
# expect: failed/other
# stage: 2


class _NotPython(Exception):
    pass


class SandboxError(_NotPython):
    status, category, reason, stage = "passed", None, "infra", 4


raise SandboxError("infra", 4)
