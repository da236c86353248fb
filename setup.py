"""Stops a build that would leave everything out, since the package's folders are symbolic links in this repository.

In a wheel the hostile programs, hundreds of small files that are alike, are one archive of a fifth of their size.
"""

import shutil
import tarfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class PackAttacks(build_py):
    """Puts the programs of ``sandboxes/attacks`` into ``programs.tar.xz``, the same for the same programs."""

    def run(self) -> None:
        """Builds, then packs."""
        super().run()
        folder = Path(self.build_lib, "apigauge", "sandboxes", "attacks")
        programs = sorted(folder.glob("*/*.py"))
        if self.editable_mode or not programs:
            return
        with tarfile.open(folder / "programs.tar.xz", "w:xz", format=tarfile.USTAR_FORMAT, preset=9) as archive:
            for path in programs:
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size = path.stat().st_size
                with path.open("rb") as file:
                    archive.addfile(entry, file)
        for parent in {path.parent for path in programs}:
            shutil.rmtree(parent)


LINKS = ("benchmarks", "harness", "reports", "sandboxes")
missing = [name for name in LINKS if not Path(__file__).with_name("src").joinpath("apigauge", name).is_dir()]
if missing:
    raise SystemExit(
        f"apigauge cannot be built: src/apigauge/{missing[0]} is no folder. In the repository it is a symbolic link, "
        "and this checkout was made without links (an archive, or git with core.symlinks=false). Clone again with "
        "links: git clone -c core.symlinks=true URL"
    )
setup(cmdclass={"build_py": PackAttacks})
