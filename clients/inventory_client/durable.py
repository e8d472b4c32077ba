"""A file that is whole at every moment, also after a crash of the machine."""

import os
from pathlib import Path


def replace(path: Path, content: bytes, beside: Path) -> None:
    """Returns when the content is on the disk. `beside`: where it is written first, in the same directory. Raises
    `OSError`."""
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
