"""Ends the interpreter under its runner (Py_FinalizeEx, Py_Exit)."""
# expect: early_exit | killed | failed/other
# stage: 2
import ctypes

ctypes.pythonapi.Py_FinalizeEx()
ctypes.pythonapi.Py_Exit(0)
