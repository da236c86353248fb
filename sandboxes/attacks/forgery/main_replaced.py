"""Replaces sys.modules[__main__] and its own namespace by things that say they have ended."""
# expect: early_exit
# stage: 2
import sys
import types

main = types.ModuleType("__main__")
main.ended = main.passed = main.status = True
sys.modules["__main__"] = main
globals().update(main.__dict__)
raise SystemExit(3)
