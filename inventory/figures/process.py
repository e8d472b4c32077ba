"""What this process uses of the machine."""

import os
import resource
from contextlib import suppress
from pathlib import Path

PAGE_BYTES = resource.getpagesize()


def rss_bytes() -> int:
    """Its memory now; where the kernel doesn't say (no Linux), its largest until now."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * PAGE_BYTES
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def open_files() -> int:
    """Its open files and sockets; 0 where the kernel doesn't say."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/fd"))
    return 0
