"""Attention maps of one sentence pair, with the pieces that they belong to. Knows no drawing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nmt.config import SearchOptions
from nmt.decoding.engine import Query
from nmt.decoding.pair_slots import PairSlots
from nmt.decoding.rewriting import Rewriter
from nmt.decoding.word_links import Link, links_of, word_weights
from nmt.errors import DataError, SettingsError
from nmt.show.pieces import words_of
from nmt.show.search import SearchTrace, watch
from nmt.store.model_folder import ModelFolder, load_model
from nmt.text.slots import filled
from nmt.text.tokenizer import BOS, EOS, Tokenizer

if TYPE_CHECKING:
    from nmt.decoding.engines.pytorch import PyTorchEngine
    from nmt.model.family import TranslationModel

START, END = "<s>", "</s>"
LONGEST = 100  # pieces of a side; a larger map is unreadable

Weights = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class AttentionMap:
    """One kind of attention: weights between pieces, in each layer and head."""

    kind: str  # "cross", "encoder" or "decoder"
    rows: list[str]  # the queries' pieces; on the target side, the pieces that are predicted
    columns: list[str]  # the keys' pieces
    weights: Weights  # (layer, head, row, column); each row sums to 1

    def view(self, layer: int | None, head: int | None) -> Weights:
        """Weights (row, column) of a layer and a head, counted from 0; None averages over all."""
        layers, heads = (slice(None) if at is None else slice(at, at + 1) for at in (layer, head))
        return np.asarray(self.weights[layers, heads].mean((0, 1)))

    def by_words(self) -> Self:
        """The same between words: columns of a word's pieces are added, its rows averaged, so a row still sums to 1."""
        (row_words, rows), (column_words, columns) = words_of(self.rows), words_of(self.columns)
        row_UT = np.eye(len(rows))[:, row_words]
        row_UT /= row_UT.sum(1, keepdims=True)
        column_SR = np.eye(len(columns))[column_words]
        return replace(self, rows=rows, columns=columns, weights=row_UT @ self.weights @ column_SR)


@dataclass(frozen=True)
class SentencePair:
    """A source sentence, its target, and all attention maps between their pieces."""

    source: str
    target: str
    maps: list[AttentionMap]
    trace: SearchTrace | None = None  # how the target was found
    links: Sequence[Link] = ()  # between words of the source and of the target, as ``words_of`` numbers them

    @property
    def unit(self) -> str:
        """What is best shown: ``words``, or ``pieces`` where a side is one word, as in a language without spaces."""
        sides = (words_of(pieces)[1] for pieces in (self.maps[0].rows, self.maps[0].columns))
        return "pieces" if any(len(words) <= 2 for words in sides) else "words"


class Inspector:
    """A loaded model whose attention and positions can be read."""

    def __init__(self, folder: ModelFolder, model: "TranslationModel") -> None:
        self.folder = folder
        self.model = model
        self.source_tokenizer, self.target_tokenizer = folder.tokenizers
        profile = folder.profile
        languages = folder.source_language, folder.target_language
        self.rewriter = Rewriter(self.source_tokenizer, profile, languages, whole=True, sources=folder.sources)
        self.pair_slots = PairSlots(profile, folder.sources)

    @classmethod
    def load(cls, path: Path, to: str | None = None) -> Self:
        """Load a model on the CPU, to look at translations into ``to``, which may be empty if it has one target.

        Raises MissingInputError or DataError when there is no sound model at ``path``, SettingsError for a language
        that it does not translate into.
        """
        folder = ModelFolder.open(path)
        return cls.of(folder if to is None else folder.toward(to))

    @classmethod
    def of(cls, folder: ModelFolder) -> Self:
        """Load an opened model, of one target. Raises MissingInputError or DataError where its files are others now."""
        return cls(folder, load_model(folder))

    @cached_property
    def engine(self) -> "PyTorchEngine":
        """The engine that searches, and scores given targets in float64."""
        from nmt.decoding.engines.pytorch import PyTorchEngine

        return PyTorchEngine.of(self.model, self.target_tokenizer.control_ids())

    def trace(
        self,
        source: str,
        target: str | None = None,
        longest: tuple[int, int] = (LONGEST, LONGEST),
        options: SearchOptions | None = None,
    ) -> tuple[list[int], SearchTrace, str]:
        """The pieces of a source, how its target was found, and the target; by default it is the model's translation.

        Raises DataError for text that is empty, or over ``longest`` pieces of source or target.
        """
        most, most_target = longest
        options = options or SearchOptions()
        text, shown, items = source, "", tuple[str, ...]()
        if target is None:
            text, items = self.rewriter.slotted(source, 1)
        else:
            text, shown = self.pair_slots.put((source, target))
        is_slotted = bool(items or shown != (target or ""))
        tag = self.folder.tag
        source_ids = [] if tag is None else [tag]
        source_ids += self.encode(self.source_tokenizer, text, "source", is_slotted, most)
        tokenizer = self.target_tokenizer
        if target is None:
            trace = watch(self.engine, tokenizer, source_ids, None, most_target, options)
            return source_ids, trace, filled(tokenizer.decode_slotted([trace.target])[0], items)
        given = self.encode(tokenizer, shown, "target", is_slotted, most_target)
        return source_ids, watch(self.engine, tokenizer, source_ids, given, most_target, options), target

    def look(self, source: str, target: str | None = None) -> SentencePair:
        """The maps of a source and a target; the default target is the model's translation with a beam of 5.

        Raises DataError for text that is empty or over 100 pieces, SettingsError for a model without attention.
        """
        import torch

        source_ids, trace, target = self.trace(source, target)
        target_ids = trace.target
        with torch.inference_mode():
            weights = self.model.attention_maps(torch.tensor([*source_ids, EOS]), torch.tensor([BOS, *target_ids]))
        if not weights:
            raise SettingsError("this model has no attention to show", "train one with another model.attention_score")
        source_pieces = [*self.source_tokenizer.pieces(source_ids), END]
        target_pieces = self.target_tokenizer.pieces(target_ids)
        sides = {
            "cross": ([*target_pieces, END], source_pieces),
            "encoder": (source_pieces, source_pieces),
            "decoder": ([*target_pieces, END], [START, *target_pieces]),
        }
        maps = [AttentionMap(kind, *sides[kind], map_LHTS.double().numpy()) for kind, map_LHTS in weights.items()]
        (found,) = self.engine.align([Query(source_ids)], [target_ids])
        words = word_weights(found, words_of(target_pieces)[0], words_of(source_pieces[:-1])[0])
        return SentencePair(source, target, maps, trace, links_of(words))

    def positions(self, count: int) -> Weights:
        """The positional encoding of the first ``count`` positions, (count, width).

        Raises SettingsError for a model without one.
        """
        import torch

        with torch.inference_mode():
            vectors = self.model.position_vectors(count)
        if vectors is None:
            raise SettingsError("this model has no positional encoding", "a Transformer has one")
        return vectors.double().numpy()

    def encode(self, tokenizer: Tokenizer, text: str, side: str, slotted: bool, most: int) -> list[int]:
        """The pieces of a sentence, with slots if ``slotted``. Raises DataError for none, or more than ``most``."""
        ids = tokenizer.encode_slotted([text], [slotted])[0]
        if not ids:
            raise DataError(f"the {side} is empty", "give a sentence")
        if len(ids) > most:
            raise DataError(f"the {side} has {len(ids)} pieces", f"give a sentence of at most {most}")
        return ids
