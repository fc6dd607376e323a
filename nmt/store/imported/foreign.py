"""A model of another toolkit, read, and the same model as ours: vocabularies rewritten, embeddings in their order.

V rows of its vocabulary, D width.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nmt.config import ModelConfig
from nmt.errors import DataError
from nmt.store.layout import PRODUCED
from nmt.store.model_folder import ModelAbout
from nmt.text.profile import Profile
from nmt.text.spm_format import SPECIAL_PIECES
from nmt.text.spm_import import Rewritten, rewrite
from nmt.text.tokenizer import BOS, EOS, PAD, SOURCE_TOKENIZER, TARGET_TOKENIZER, UNK, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

END, UNKNOWN = "</s>", "<unk>"
OTHER_MODEL = "nmt import reads OPUS-MT models and others of their kind: docs/import.md"
_TAG = re.compile(r">>[^<>]+<<")
_SENTENCES = 1  # of a line in the training text, as far as anybody knows


@dataclass(frozen=True)
class ForeignSide:
    """One side's vocabulary: how text is cut into pieces, and the row of each piece among the embeddings."""

    name: str  # of the SentencePiece model's file
    spm: bytes
    row_of: Mapping[str, int]
    rows_VD: "Tensor"


@dataclass(frozen=True)
class ForeignModel:
    """A Transformer of another toolkit; its layers have our names and our order of rows and columns already."""

    kind: str  # of what wrote it
    name: str  # that it calls itself
    config: ModelConfig
    source: ForeignSide
    target: ForeignSide
    layers: Mapping[str, "Tensor"]
    start_D: "Tensor"  # what the decoder begins with
    output_VD: "Tensor | None" = None  # None: the target embeddings
    bias_V: "Tensor | None" = None
    padding: str = ""  # its padding piece, which is in no translation; "": it has none
    longest: int = 512  # positions that it was trained with
    languages: tuple[str, str] | None = None

    @property
    def is_joint(self) -> bool:
        """Whether both sides cut text alike and share all embeddings."""
        shared = self.source.rows_VD is self.target.rows_VD and self.source.row_of is self.target.row_of
        return shared and self.source.spm == self.target.spm and self.config.tied_embeddings


def as_ours(model: ForeignModel, languages: tuple[str, str]) -> tuple[dict[str, "Tensor"], ModelAbout, Profile]:
    """The tensors, the files and the profile of the same model as ours. Raises DataError, naming the file."""
    for side in (model.source, model.target):
        if missing := [name for name in (END, UNKNOWN) if name not in side.row_of]:
            raise DataError(f"the vocabulary of {side.name} has no piece {missing[0]}", OTHER_MODEL)
        if tag := next(filter(_TAG.fullmatch, side.row_of), None):
            raise DataError(f"the model has several target languages, such as {tag}", "import one of a single target")
    # A joint vocabulary has pieces of the other side, too, which the model may produce.
    produced = [name for name in model.target.row_of if name not in (END, UNKNOWN, model.padding)]
    target = _rewritten(model.target, produced, languages)
    source = target if model.is_joint else _rewritten(model.source, [], languages)
    tensors = {**model.layers, "embeddings.target.weight": _rows(model, model.target, target, model.target.rows_VD)}
    if not model.is_joint:
        tensors["embeddings.source.weight"] = _rows(model, model.source, source, model.source.rows_VD)
    if model.output_VD is not None:
        tensors["embeddings.output.weight"] = _rows(model, model.target, target, model.output_VD)
    if model.bias_V is not None:
        tensors["embeddings.output_bias"] = _rows(model, model.target, target, model.bias_V[:, None])[:, 0]
    tensors[PRODUCED] = _produced(model, target)
    files = {SOURCE_TOKENIZER: source.model} | ({} if model.is_joint else {TARGET_TOKENIZER: target.model})
    about = ModelAbout(model.config, dict(zip(("source", "target"), languages, strict=True)), files)
    return tensors, about, Profile(model.longest, _SENTENCES, 0.0, "", "")


def _rewritten(side: ForeignSide, vocabulary: Sequence[str], languages: tuple[str, str]) -> Rewritten:
    try:
        rewritten = rewrite(side.spm, vocabulary, languages)
        Tokenizer(rewritten.model, side.name)  # the library has rules of its own
    except (ValueError, DataError) as error:
        what = error.what if isinstance(error, DataError) else f"{side.name} {error}"
        raise DataError(what, OTHER_MODEL) from None
    return rewritten


def _rows(model: ForeignModel, side: ForeignSide, rewritten: Rewritten, rows_VD: "Tensor") -> "Tensor":
    """A row for each piece of ours: zeros for pieces that stand for nothing, and unknown for those it never learnt."""
    import torch

    nothing, unknown = len(rows_VD), side.row_of[UNKNOWN]
    row = [nothing if name is None else side.row_of.get(name, unknown) for name in rewritten.origins]
    row[UNK], row[EOS] = unknown, side.row_of[END]
    row[PAD] = side.row_of.get(model.padding, nothing)
    rows = torch.cat((rows_VD, rows_VD.new_zeros(1, rows_VD.size(1))))[torch.tensor(row)]
    if rows_VD is side.rows_VD:
        rows[BOS] = model.start_D
    return rows


def _produced(model: ForeignModel, target: Rewritten) -> "Tensor":
    """A byte for each target piece: 1 if the model can produce it."""
    import torch

    known = [name is not None and name in model.target.row_of for name in target.origins]
    known[: len(SPECIAL_PIECES)] = [True] * len(SPECIAL_PIECES)
    return torch.tensor(known, dtype=torch.uint8)
