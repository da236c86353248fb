"""raise SystemExit and quit(): an exception that `except Exception` does not see."""
# expect: early_exit
# stage: 2

if True:
    raise SystemExit(3)
print("never")
