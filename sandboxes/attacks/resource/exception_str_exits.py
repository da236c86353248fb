"""An exception whose __str__ ends the process: our own report of the failure ends with it."""
# expect: failed/other | early_exit
import os


class Exits(RuntimeError):
    def __str__(self):
        os._exit(0)


raise Exits
