"""Leaves a hidden tree 400 levels deep in /tmp and in its directory, each level locked for its owner."""
# expect: passed
# where: docker process
import os

for start in ("/tmp", os.environ["HOME"]):
    os.chdir(start)
    for _ in range(400):
        os.mkdir(".hidden-and-with-a-long-name")
        os.chdir(".hidden-and-with-a-long-name")
    for _ in range(400):
        os.chmod(".", 0o500)
        os.chdir("..")
