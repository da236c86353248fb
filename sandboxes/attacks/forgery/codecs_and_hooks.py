"""Registers hooks everywhere the interpreter calls back: audit, codecs, imports, display, warnings; they stop it."""
# expect: early_exit | killed
# stage: 2
import codecs
import signal
import sys
import warnings

armed = False


def hook(*_):
    if armed:
        signal.raise_signal(signal.SIGSTOP)


sys.addaudithook(hook)
codecs.register(hook)
codecs.register_error("backslashreplace", hook)
sys.meta_path.insert(0, type("Finder", (), {"find_spec": hook}))
sys.displayhook = sys.breakpointhook = warnings.showwarning = hook
armed = True
raise SystemExit(3)
