"""A Ray cluster: one that runs already, or one of this machine's cores for as long as a block lasts. Knows no work.

Only this file and ``nmt.spread.pool`` import ray, whose import takes a second.
"""

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from nmt.errors import BusyError, SettingsError, missing_extra
from nmt.text.machine import available_cores

LOCAL = ""
"""The address of a cluster that is this machine alone."""

STORE = 256 << 20  # bytes of shared memory of a local cluster: it passes models and windows on, and keeps neither


@dataclass(frozen=True)
class Cluster:
    """What a cluster offers."""

    cores: Sequence[int]  # of each machine
    gpus: int

    def workers(self, cores: int = 1) -> int:
        """How many workers of so many cores it has room for: one for each GPU if it has any.

        Raises SettingsError when no machine has so many cores: such a worker would be waited for without end.
        """
        if cores > (most := max(self.cores, default=0)):
            raise SettingsError(f"no machine of the cluster has {cores} cores", f"set `threads` to at most {most}")
        return self.gpus or sum(own // cores for own in self.cores)


@contextmanager
def joined(address: str = LOCAL) -> Iterator[Cluster]:
    """Within the block, this process is the driver of the cluster at ``address``, or of a new one on this machine.

    Raises SettingsError where Ray is not installed, BusyError when there is no cluster at the address.
    """
    if find_spec("ray") is None:
        raise SettingsError("work is spread by Ray, which is not installed", missing_extra("cluster"))
    # Ray reports each process that ends, in long lines; the pool says in short ones what matters.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    with ExitStack() as stack:
        # Ray prints what it reports to standard output, which is for results.
        stack.enter_context(redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        # Ray would end the program with exit code 15 when it is asked to end.
        ends = signal.getsignal(signal.SIGTERM)
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        try:
            if address == LOCAL:
                cores = available_cores()
                # Without "local" Ray would join any cluster that it finds here, and refuse the number of cores.
                ray.init("local", num_cpus=cores, include_dashboard=False, object_store_memory=STORE, **quiet)
            else:
                ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            said = " ".join(str(error).split())[:200]
            where = f"at {address}" if address else "on this machine"
            raise BusyError(f"there is no Ray cluster {where}: {said}", "start one, or leave the address out") from None
        stack.callback(ray.shutdown)
        signal.signal(signal.SIGTERM, ends)
        offered = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        yield Cluster([int(of.get("CPU", 0)) for of in offered], sum(int(of.get("GPU", 0)) for of in offered))
