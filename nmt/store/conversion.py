"""Models of format 3, converted to this format: the reserved pieces join their vocabularies and embeddings.

The new pieces come last and may not be produced, so every other piece keeps its id and its row, and translations and
scores stay the same to the bit. The new rows are zeros until a training has use for them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from nmt.disk.manifest import write_manifest
from nmt.disk.untrusted import read_small
from nmt.errors import DataError, SettingsError
from nmt.store.layout import PRODUCED
from nmt.store.model_folder import CONVERTED, FORMAT, SETTINGS, WEIGHTS, ModelFolder
from nmt.store.tensors import layout_of, read_tensors, write_tensors
from nmt.text.reserved import RESERVED
from nmt.text.spm_format import add_reserved
from nmt.text.tokenizer import LARGEST_MODEL, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor


def convert(path: Path, folder: Path) -> None:
    """Write the model of format 3 at ``path``, a model folder or the run that holds one, into a ``folder`` that exists.

    Raises MissingInputError or DataError, naming the file.
    """
    old = ModelFolder.open(path, CONVERTED)
    models = {place.name: _with_reserved(old, place) for place in dict.fromkeys(old.tokenizer_paths)}
    for name, model in models.items():
        (folder / name).write_bytes(model)
    sizes = [Tokenizer(models[place.name], str(place)).size for place in old.tokenizer_paths]
    write_tensors(folder / WEIGHTS, _with_rows(old, *sizes))
    (folder / SETTINGS).write_bytes((old.folder / SETTINGS).read_bytes())
    write_manifest(folder, {**old.manifest, "format": FORMAT})


def _with_reserved(old: ModelFolder, place: Path) -> bytes:
    try:
        return add_reserved(read_small(place, LARGEST_MODEL), (old.source_language, old.target_language))
    except ValueError as error:
        raise DataError(f"{place} {error}", "restore the file") from None


def _with_rows(old: ModelFolder, source_size: int, target_size: int) -> "dict[str, Tensor]":
    """The tensors of the model, those that have a row for each piece with rows of zeros for the reserved ones."""
    from torch.nn.functional import pad

    from nmt.model import build_shapes

    try:
        before, after = (
            layout_of(build_shapes(old.config, source_size - less, target_size - less, old.joint).state_dict())
            for less in (RESERVED, 0)
        )
    except SettingsError as error:
        raise DataError(f"{old.folder / SETTINGS}: {error}", "restore the file") from None
    old.check_weights(before)
    tensors = read_tensors(old.weights_path, before)
    for name, (shape, _) in after.items():
        if missing := shape[0] - len(tensors[name]):
            tensors[name] = pad(tensors[name], (0, 0) * (len(shape) - 1) + (0, missing))
    old.check_produced(tensors[PRODUCED].tolist())
    return tensors
