"""What this process has of the machine."""

import os
import sys
from pathlib import Path

from nmt.errors import SettingsError, shown

_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of NVIDIA, of AMD, of either in Windows' Linux


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def most_threads() -> int:
    """The most threads that a person may ask for: enough for any use of the cores, too few to exhaust the machine."""
    return max(16, 4 * available_cores())


def check_threads(asked: int, name: str = "threads") -> int:
    """``asked`` itself, a number of threads or processes. Raises SettingsError when it is negative or far too large."""
    most = most_threads()
    if not 0 <= asked <= most:
        raise SettingsError(
            f"{name} is {shown(asked)}, and this machine with its {available_cores()} cores takes 0 to {most}",
            "ask for fewer, or leave it out",
        )
    return asked


def may_have_gpu() -> bool:
    """Whether a GPU's driver is here: no more than a guess, for PyTorch, who knows, takes seconds to import."""
    return sys.platform == "darwin" or any(Path(driver).exists() for driver in _DRIVERS)


def peak_memory_bytes() -> int:
    """The largest resident memory of this process so far."""
    import resource  # which Windows has not

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
