"""Replaces its own directory by a link to another one: cleaning it, as root, would clean that instead."""
# expect: failed/other
# where: docker process
import os

own = os.path.realpath(os.getcwd())
os.chdir("/")
os.rename(own, own + "-moved")
os.symlink("/tmp", own)
raise AssertionError("escaped: its directory is a link now")
