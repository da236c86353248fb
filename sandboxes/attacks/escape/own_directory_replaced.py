"""Replaces its own directory by a link to another one: cleaning it, as root, would clean that instead."""
# expect: passed | failed/other
# where: docker process
import os

own = os.path.realpath(os.getcwd())
os.chdir("/")
os.rename(own, own + "-moved")
os.symlink("/usr/lib", own)
