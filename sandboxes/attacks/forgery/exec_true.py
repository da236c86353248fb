"""Becomes another program, which ends well (execv): the same process, the same number, exit status 0."""
# expect: early_exit
# stage: 2
import os

os.execv("/bin/true", ["true"])
