"""Leaves modules under the names that Python imports by itself or looks for first, in its home and its directory.

sitecustomize, usercustomize, .pth files, PYTHONSTARTUP, a json.py beside the program, a package in ~/.local.
"""
# expect: passed
import os
import site
import sys

home = os.environ["HOME"]
if os.path.realpath(home) != os.path.realpath(os.getcwd()):
    raise AssertionError("escaped: its home is not its own directory; nothing was written")
poison = "import builtins\nbuiltins.poisoned = True\n"
packages = os.path.join(home, ".local", "lib", f"python3.{sys.version_info.minor}", "site-packages")
os.makedirs(packages)
for folder in (home, packages):
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "random.py", ".pythonrc", "poison.pth", "torch.py"):
        with open(os.path.join(folder, name), "w") as file:
            file.write(poison if not name.endswith(".pth") else "import builtins; builtins.poisoned = True\n")
os.environ["PYTHONSTARTUP"] = os.path.join(home, ".pythonrc")
