"""The device that a model computes on, by its name. Knows PyTorch; no model."""

import torch

from nmt.errors import SettingsError


def choose_device(name: str) -> torch.device:
    """The device of that name. Raises SettingsError when this machine has none."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, here in present.items() if here)
    if not present.get(name):
        here = ", ".join(kind for kind, is_here in present.items() if is_here)
        raise SettingsError(f"there is no device {name!r} here", f"set `device` to auto or one of: {here}")
    return torch.device(name)
