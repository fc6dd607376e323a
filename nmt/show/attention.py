"""What a model looks at: the attention maps of one sentence pair with the pieces they belong to. Knows no picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nmt.config import SearchOptions
from nmt.errors import DataError, SettingsError
from nmt.store.model_folder import ModelFolder, load_model, resolve_model_folder
from nmt.text.tokenizer import BOS, EOS, Tokenizer

if TYPE_CHECKING:
    from nmt.model.family import TranslationModel

START, END = "<s>", "</s>"
LONGEST = 100  # pieces of a side: no person can read a larger map


Weights = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class AttentionMap:
    """One kind of attention: who looks at whom, in each layer by each head."""

    kind: str  # "cross", "encoder" or "decoder"
    rows: list[str]  # the pieces that look; on the target's side, the ones that are being predicted
    columns: list[str]  # the pieces that are looked at
    weights: Weights  # (layer, head, row, column); each row sums to one

    def view(self, layer: int | None, head: int | None) -> Weights:
        """(row, column) of a layer and a head, counted from 0; None is the average over all of them."""
        layers, heads = (slice(None) if at is None else slice(at, at + 1) for at in (layer, head))
        return np.asarray(self.weights[layers, heads].mean((0, 1)))


@dataclass(frozen=True)
class SentencePair:
    """A source, its target, and every map between their pieces."""

    source: str
    target: str
    maps: list[AttentionMap]


class Inspector:
    """A model opened to be looked into."""

    def __init__(self, folder: ModelFolder, model: "TranslationModel") -> None:
        self.folder = folder
        self.model = model
        self.source_tokenizer, self.target_tokenizer = folder.tokenizers

    @classmethod
    def load(cls, path: Path) -> Self:
        """On the CPU, which is enough for a sentence. Raises MissingInputError or DataError without a sound model."""
        folder = ModelFolder.open(resolve_model_folder(path))
        return cls(folder, load_model(folder))

    def look(self, source: str, target: str | None = None) -> SentencePair:
        """The maps of a source and a target, by default the model's own translation with a beam of 5.

        Raises DataError for text that is empty or too long to be looked at, SettingsError for a model that has no
        attention.
        """
        import torch

        source_ids = self.encode(self.source_tokenizer, source, "source")
        if target is None:
            target_ids = self.translate(source_ids)
            target = self.target_tokenizer.decode([target_ids])[0]
        else:
            target_ids = self.encode(self.target_tokenizer, target, "target")
        with torch.inference_mode():
            found = self.model.attention_maps(torch.tensor([*source_ids, EOS]), torch.tensor([BOS, *target_ids]))
        if not found:
            raise SettingsError(
                "this model has no attention to look at", "train one with another model.attention_score"
            )
        source_pieces = [*self.source_tokenizer.pieces(source_ids), END]
        target_pieces = self.target_tokenizer.pieces(target_ids)
        sides = {
            "cross": ([*target_pieces, END], source_pieces),
            "encoder": (source_pieces, source_pieces),
            "decoder": ([*target_pieces, END], [START, *target_pieces]),
        }
        maps = [AttentionMap(kind, *sides[kind], weights.double().numpy()) for kind, weights in found.items()]
        return SentencePair(source, target, maps)

    def positions(self, count: int) -> Weights:
        """(count, width): what is added to the embeddings at the first positions. Raises SettingsError."""
        import torch

        with torch.inference_mode():
            found = self.model.position_vectors(count)
        if found is None:
            raise SettingsError("this model has no positional encoding", "a Transformer has one")
        return found.double().numpy()

    def encode(self, tokenizer: Tokenizer, text: str, side: str) -> list[int]:
        ids = tokenizer.encode([text])[0]
        if not ids:
            raise DataError(f"the {side} to look at is empty", "give a sentence")
        if len(ids) > LONGEST:
            raise DataError(f"the {side} has {len(ids)} pieces", f"look at a sentence of at most {LONGEST}")
        return ids

    def translate(self, source_ids: list[int]) -> list[int]:
        from nmt.decoding.engines.pytorch import PyTorchEngine

        engine = PyTorchEngine.of(self.model, self.target_tokenizer.control_ids())
        return engine.search([source_ids], SearchOptions())[0][0].pieces[:LONGEST]
