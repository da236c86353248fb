"""pip as it would decide on another machine: ``python pip_elsewhere.py PYTHON SYSTEM MACHINE PIP-ARGUMENTS...``.

pip's ``--platform`` and ``--python-version`` choose files; markers of dependencies (``platform_system == "Linux"``) it
still evaluates for the machine it runs on. Here they are evaluated for the one that is asked about.
"""

import sys

from pip._internal.cli.main import main
from pip._vendor.packaging import markers

version, system, machine, *arguments = sys.argv[1:]
here = markers.default_environment()
there = here | {
    "implementation_version": f"{version}.0",
    "platform_machine": machine,
    "platform_release": "",
    "platform_system": system,
    "platform_version": "",
    "python_full_version": f"{version}.0",
    "python_version": version,
    "sys_platform": system.lower(),
}
markers.default_environment = lambda: there
sys.exit(main(arguments))
