"""Replaces what a runner may call after the program: exec, print, BaseException, sys.exit, os._exit, signals; leaves."""
# expect: early_exit | killed
# stage: 2
import builtins
import os
import signal
import sys

stop = signal.raise_signal
fake = lambda *_, **__: stop(signal.SIGSTOP)
for name in ("exec", "print", "compile", "open", "isinstance", "type", "str", "len", "getattr", "repr", "format"):
    setattr(builtins, name, fake)
builtins.BaseException = builtins.Exception = builtins.SystemExit = KeyError
sys.exit = os._exit = os.kill = os.getpid = signal.raise_signal = signal.pthread_kill = fake
sys.excepthook = sys.unraisablehook = fake
raise SystemExit(3)
