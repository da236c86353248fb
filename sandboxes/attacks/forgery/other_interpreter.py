"""Runs the program that ends well in an interpreter of its own within the process, and leaves."""
# expect: early_exit | killed | failed/import | failed/other
# stage: 2
import _xxsubinterpreters as interpreters

inner = interpreters.create()
interpreters.run_string(inner, "import signal; signal.raise_signal(signal.SIGSTOP)")
raise SystemExit(3)
