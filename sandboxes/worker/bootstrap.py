"""The source for ``python -c``: reads the worker's modules and configuration from standard input, and serves."""

import sys

if sys.path[0] == "":  # the current folder, unless -P has left it out
    del sys.path[0]

import json
import os
import types


def main() -> None:
    """Makes the modules importable under their own names, in the order they were sent, and starts the supervisor."""
    head = os.read(0, 4)
    left, body = int.from_bytes(head, "big"), bytearray()
    while len(body) < left:
        body += os.read(0, left - len(body))
    message = json.loads(body)
    package = "apigauge.sandboxes.worker"
    parts = package.split(".")
    for count in range(1, len(parts) + 1):
        module = types.ModuleType(".".join(parts[:count]))
        module.__path__ = []
        sys.modules[module.__name__] = module
    for name, source in message["modules"]:
        module = types.ModuleType(f"{package}.{name}")
        sys.modules[module.__name__] = module
        setattr(sys.modules[package], name, module)
        exec(compile(source, f"<apigauge {name}>", "exec"), vars(module))  # noqa: S102 - our own modules
    sys.modules[f"{package}.supervisor"].serve(message["config"])


main()
