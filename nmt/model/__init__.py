"""Models: tensors in, tensors out. No files, no loss, no text, and nothing outside asks which family one is of."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from nmt.config import ModelConfig, known
from nmt.model.family import TranslationModel
from nmt.model.recurrent import Recurrent
from nmt.model.transformer import Transformer

FAMILIES: dict[str, type[TranslationModel]] = {"transformer": Transformer, "recurrent": Recurrent}


def build_model(config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> TranslationModel:
    """A freshly initialised model; PyTorch's global random state decides its weights.

    ``joint`` says that both vocabularies are one, so that tied embeddings tie the source too. Raises SettingsError for
    an unknown family.
    """
    known(config.family, list(FAMILIES), "model family")
    return FAMILIES[config.family](config, source_vocabulary, target_vocabulary, joint)


def build_shapes(config: ModelConfig, source_vocabulary: int, target_vocabulary: int, joint: bool) -> TranslationModel:
    """``build_model`` on the meta device: names, shapes and types of all tensors, and no memory or values for them."""
    with torch.device("meta"), _NoValues():
        return build_model(config, source_vocabulary, target_vocabulary, joint)


class _NoValues(TorchFunctionMode):
    """Initialises nothing. On the meta device that has no effect, but imports a second's worth of PyTorch."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "xavier_uniform_", "kaiming_uniform_"):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)
