"""Has the interpreter itself call raise() in C between two operations of the runner (Py_AddPendingCall)."""
# expect: early_exit | killed
# stage: 2
import ctypes

stop = ctypes.cast(ctypes.CDLL(None)["raise"], ctypes.c_void_p)
ctypes.pythonapi.Py_AddPendingCall(stop, ctypes.c_void_p(19))
raise SystemExit(3)
