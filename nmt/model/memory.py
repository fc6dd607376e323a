"""How PyTorch says that there is no more memory: one type on a GPU, a sentence on the CPU. Knows nothing else."""

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` means that a smaller batch might fit."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(error)
    return isinstance(error, RuntimeError) and ("allocate memory" in words or "out of memory" in words)
