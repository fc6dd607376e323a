"""The cores, memory and GPU drivers that this process can use. Knows the operating system; no PyTorch."""

import os
import sys
from pathlib import Path

from nmt.errors import SettingsError, shown

_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, and either of them in WSL


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def most_threads() -> int:
    """The largest number of threads allowed: enough to use all cores, too few to exhaust the machine."""
    return max(16, 4 * available_cores())


def check_threads(asked: int, name: str = "threads") -> int:
    """Return ``asked``, a number of threads or processes. Raises SettingsError if it is negative or far too large."""
    most = most_threads()
    if not 0 <= asked <= most:
        raise SettingsError(
            f"{name} is {shown(asked)}, but this machine with {available_cores()} cores allows 0 to {most}",
            "choose fewer, or leave it out",
        )
    return asked


def may_have_gpu() -> bool:
    """Whether a GPU driver is installed: a guess, because PyTorch, which knows, takes seconds to import."""
    return sys.platform == "darwin" or any(Path(driver).exists() for driver in _DRIVERS)


def processor_name() -> str:
    """The processor's name as its maker gives it, where the system tells it; else its architecture."""
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def peak_memory_bytes() -> int:
    """The largest resident memory of this process so far, in bytes."""
    import resource  # does not exist on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
