"""Stops a build that would leave everything out: the package's folders are symbolic links in this repository."""

from pathlib import Path

from setuptools import setup

LINKS = ("benchmarks", "harness", "reports", "sandboxes")
missing = [name for name in LINKS if not Path(__file__).with_name("src").joinpath("apigauge", name).is_dir()]
if missing:
    raise SystemExit(
        f"apigauge cannot be built: src/apigauge/{missing[0]} is no folder. In the repository it is a symbolic link, "
        "and this checkout was made without links (an archive, or git with core.symlinks=false). Clone again with "
        "links: git clone -c core.symlinks=true URL"
    )
setup()
