"""Models: tensors in, tensors out. No files, no loss, no text, and nothing outside asks which family one is of."""

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
