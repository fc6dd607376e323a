"""Models: tensors in, tensors out. Knows no files, no loss and no text; other rooms do not know a model's family."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from nmt.checked import known
from nmt.config import ModelConfig
from nmt.model.family import TranslationModel
from nmt.model.recurrent import Recurrent
from nmt.model.transformer import Transformer

FAMILIES: dict[str, type[TranslationModel]] = {"transformer": Transformer, "recurrent": Recurrent}


def build_model(config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> TranslationModel:
    """Build a model with fresh weights, drawn from PyTorch's global random state.

    ``joint``: both languages share one vocabulary, so tied embeddings include the source's. Raises SettingsError for an
    unknown family.
    """
    known(config.family, list(FAMILIES), "model family")
    return FAMILIES[config.family](config, source_vocabulary, target_vocabulary, joint)


def build_shapes(config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> TranslationModel:
    """Build a model on the meta device: tensors with names, shapes and dtypes, but no memory and no values."""
    with torch.device("meta"), _NoValues():
        return build_model(config, source_vocabulary, target_vocabulary, joint)


class _NoValues(TorchFunctionMode):
    """Skips initialisation, which has no effect on the meta device but imports a second's worth of PyTorch."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "xavier_uniform_", "kaiming_uniform_"):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)
