"""A folder of installed packages, with plugins of apigauge, and the command line with that folder on its path."""

import inspect
import os
import subprocess
import sys
from typing import NamedTuple


class Finished(NamedTuple):
    code: int
    out: str
    err: str


class Packages:
    """A folder of installed packages."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, name, source, *, entry_points=None, version="1.0"):
        """Installs a package of one module; returns the module's file."""
        module = name.replace("-", "_")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points or f"[apigauge]\n{name}-plugin = {module}\n")
        file = self.folder / f"{module}.py"
        file.write_text(inspect.cleandoc(source) + "\n")
        return file

    def apigauge(self, *arguments, **environment):
        path = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        finished = subprocess.run(
            [sys.executable, "-m", "apigauge", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **environment},
        )
        return Finished(finished.returncode, finished.stdout, finished.stderr)
