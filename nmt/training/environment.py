"""What a run is made with: versions, the machine, and what was named for it. Knows no data and no weights."""

import platform

import torch

from nmt.errors import DataError
from nmt.store.run_folder import DIGESTS, RunFolder
from nmt.text.machine import available_cores, processor_name
from nmt.training.request import TrainJob
from nmt.version import __version__


def environment_of(job: TrainJob, device: torch.device, processes: int) -> dict[str, str]:
    """The facts of this process as ``environment.json`` has them, in words; paths are as they were given."""
    request = job.request
    chip = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    return {
        "program": f"nmt {__version__}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
        "device": f"{device.type}: {chip}",
        "cores": f"{available_cores()}, of which {torch.get_num_threads()} train",
        "processes": str(processes),
        "data": str(request.data),
        **({"init": str(request.init)} if request.init else {}),
        **({"teachers": "\n".join(map(str, request.teachers))} if request.teachers else {}),
        **{name + DIGESTS: "\n".join(digests) for name, digests in job.models.items()},
    }


def models_of(folder: RunFolder) -> dict[str, list[str]]:
    """The digests of the models that a run began with, as ``TrainJob.models``; without what nobody wrote down."""
    try:
        return folder.read_models()
    except DataError:  # the checkpoints have them, too
        return {}
