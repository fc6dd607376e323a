"""Chooses the device to compute on. Knows PyTorch; no model."""

import torch

from nmt.errors import SettingsError


def choose_device(name: str) -> torch.device:
    """The device called ``name``, or the fastest for ``auto``. Raises SettingsError if this machine lacks it."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, here in present.items() if here)
    if not present.get(name):
        here = ", ".join(kind for kind, is_here in present.items() if is_here)
        raise SettingsError(f"there is no device {name!r} here", f"set `device` to auto or one of: {here}")
    return torch.device(name)
