"""Takes away its own directory's permissions, after leaving a file in it."""
# expect: passed
import os

open("file", "w").close()
os.chmod(os.getcwd(), 0)
