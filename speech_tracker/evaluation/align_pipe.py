"""Values through the pipe to and from a process of our own."""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any

_SIZE = struct.Struct("<Q")


def send(pipe: IO[bytes], value: object) -> None:
    """Write one value, with its size in front."""
    data = pickle.dumps(value, protocol=5)
    pipe.write(_SIZE.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one value.

    Raises:
        EOFError: the other side is gone.
    """
    head = pipe.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)
