# callee: venv.create
import os
import subprocess
import sys
import venv
from pathlib import Path

venv.create("env", with_pip=False, symlinks=True)
print(sorted(entry.name for entry in Path("env/bin").iterdir() if not entry.name[-1].isdigit()))
print([line.partition("=")[0].strip() for line in Path("env/pyvenv.cfg").read_text().splitlines()][:3])
print(os.path.samefile("env/bin/python", sys.executable), Path("env/lib").is_dir())
try:
    import ensurepip

    print("pip" in ensurepip.__doc__ if ensurepip.__doc__ else "no text", ensurepip.version().count(".") >= 1)
except ImportError as error:
    print(error)
print(subprocess.run([sys.executable, "-m", "json.tool"], input='{"a":1}', capture_output=True, text=True).stdout)
print(subprocess.run([sys.executable, "-S", "-c", "print('no site')"], capture_output=True, text=True).stdout)
