"""Messages between host and supervisor: four bytes of length, most significant first, then JSON in ASCII."""

import json
import os
from typing import Any

MAX_MESSAGE = 16 << 20


def read(descriptor: int) -> dict[str, Any] | None:
    """The next message; None at the end of the stream."""
    head = _exactly(descriptor, 4)
    if head is None:
        return None
    length = int.from_bytes(head, "big")
    if length > MAX_MESSAGE:
        raise ValueError(f"a message of {length} bytes")
    body = _exactly(descriptor, length)
    return None if body is None else json.loads(body)


def write(descriptor: int, message: dict[str, Any]) -> None:
    """Sends a message whole."""
    data = pack(message)
    while data:
        data = data[os.write(descriptor, data) :]


def pack(message: dict[str, Any]) -> bytes:
    """A message as bytes."""
    body = json.dumps(message).encode("ascii")
    return len(body).to_bytes(4, "big") + body


def _exactly(descriptor: int, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        more = os.read(descriptor, count - len(data))
        if not more:
            return None
        data += more
    return bytes(data)
