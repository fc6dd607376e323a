"""Small deterministic stand-ins for models, engines, tokenizers and readers of progress.

B sentences, N rows, M rows after a selection, S source positions, V vocabulary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from nmt.config import SearchOptions
from nmt.decoding.engine import Hypothesis, Query
from nmt.errors import BusyError
from nmt.text.tokenizer import BOS, EOS, PAD, UNK

CONTROL = [PAD, UNK, BOS, EOS]
STATES = 499


@dataclass
class HashState:
    hash_N: Tensor
    sentence_N: Tensor


class HashStepper:
    """A model that is a random table: a row's logits depend on its source and on all pieces so far."""

    def __init__(self, vocabulary: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.table = 2 * torch.randn(STATES, vocabulary, generator=generator, dtype=torch.float64).to(dtype)
        self.rows: list[int] = []  # how many rows each step was given

    def start(self, source_BS: Tensor, source_length_B: Tensor) -> HashState:
        hashes = [
            self.hash(source[:length])
            for source, length in zip(source_BS.tolist(), source_length_B.tolist(), strict=True)
        ]
        return HashState(torch.tensor(hashes), torch.arange(len(hashes)))

    def step(self, token_N: Tensor, state: HashState) -> tuple[Tensor, HashState]:
        self.rows.append(len(token_N))
        hash_N = (131 * state.hash_N + 7 * token_N + 1) % STATES
        return self.table[hash_N], HashState(hash_N, state.sentence_N)

    def select(self, state: HashState, row_M: Tensor, sentence_M: Tensor) -> HashState:
        assert torch.equal(state.sentence_N[row_M], sentence_M), "a row changed its sentence"
        kept, counts = torch.unique_consecutive(sentence_M, return_counts=True)
        assert len(counts.unique()) == 1, "sentences have unequally many rows"
        assert kept.tolist() == sorted(set(kept.tolist())), "sentences changed their order"
        return HashState(state.hash_N[row_M], torch.arange(len(kept)).repeat_interleave(int(counts[0])))

    def state(self, source: Sequence[int], prefix: Sequence[int]) -> int:
        """The row of the table after ``prefix`` (with <s>), computed slowly. ``source`` has no </s>."""
        state = self.hash([*source, EOS])
        for token in prefix:
            state = (131 * state + 7 * token + 1) % STATES
        return state

    @staticmethod
    def hash(source: Sequence[int]) -> int:
        state = 0
        for token in source:
            state = (137 * state + token + 3) % STATES
        return state


@dataclass
class WordTokenizer:
    """A tokenizer whose pieces are words, numbered in order; a word with a leading @ continues the one before."""

    words: list[str] = field(default_factory=lambda: ["<pad>", "<unk>", "<s>", "</s>"])
    encoded: list[str] = field(default_factory=list)

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        self.encoded += lines
        return [[self.number(word) for word in line.split(" ") if word.strip()] for line in lines]

    def encode_slotted(self, lines: Sequence[str], slotted: Iterable[object]) -> list[list[int]]:
        return self.encode(lines)

    def encode_annotated(self, lines: Sequence[str], slotted: Iterable[object]) -> list[list[int]]:
        return self.encode(lines)

    @property
    def size(self) -> int:
        return len(self.words)

    @property
    def first_reserved(self) -> int:
        return len(self.words)

    @property
    def space(self) -> int:
        return UNK

    def decode(self, pieces: Sequence[Sequence[int]]) -> list[str]:
        return [" ".join(self.words[piece] for piece in some) for some in pieces]

    def decode_slotted(self, pieces: Sequence[Sequence[int]]) -> list[str]:
        return self.decode(pieces)

    def spell(self, pieces: Sequence[int]) -> list[bytes]:
        words = [self.words[piece] for piece in pieces]
        return [word.encode() if word.startswith("@") else f" {word}".encode() for word in words]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return [self.words[id] for id in ids]

    def has_bytes(self, pieces: Sequence[int]) -> bool:
        return any(not self.words[piece].isascii() for piece in pieces)

    def is_strange(self, character: str) -> bool:
        return not character.isascii()

    def number(self, word: str) -> int:
        if word not in self.words:
            self.words.append(word)
        return self.words.index(word)


@dataclass
class ReverseEngine:
    """An engine that reverses the pieces; further hypotheses lack the last piece, the last two, and so on."""

    batches: list[list[list[int]]] = field(default_factory=list)
    refusal: str | None = None
    workers: int = 1
    scores: bool = False

    def supports(self, options: SearchOptions) -> str | None:
        return self.refusal

    def about(self) -> dict[str, str | int]:
        return {"engine": "reverse", "engine version": 1}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        self.batches.append([list(query.pieces) for query in queries])
        return [
            [
                Hypothesis(list(reversed(source))[: len(source) - rank], -float(rank) - 0.5)
                for rank in range(options.n_best)
            ]
            for source in self.batches[-1]
        ]


@dataclass
class AnswerEngine:
    """An engine with answers for each source, the best first: to a search without repeats by the beam, if there are."""

    words: WordTokenizer
    answers: dict[str, list[str]]
    again: dict[tuple[str, int], list[str]] = field(default_factory=dict)  # by source and beam
    asked: list[tuple[str, int, int]] = field(default_factory=list)  # source, beam, pieces that must not repeat
    queries: list[Query] = field(default_factory=list)
    workers: int = 1
    scores: bool = False

    def supports(self, options: SearchOptions) -> str | None:
        return None

    def about(self) -> dict[str, str | int]:
        return {"engine": "answers", "engine version": 1}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        return [self.answer(query, options) for query in queries]

    def answer(self, query: Query, options: SearchOptions) -> list[Hypothesis]:
        source, beam = self.words.decode([query.pieces])[0], options.beam_size
        self.asked.append((source, beam, options.no_repeat_ngram))
        self.queries.append(query)
        answers = self.answers[source]
        if options.no_repeat_ngram:
            answers = self.again.get((source, beam), answers)
        found = [*query.prefix], query.limit(options)
        pieces = [[*found[0], *some][: found[1]] for some in self.words.encode(answers[: options.n_best])]
        return [Hypothesis(some, -0.1 * (rank + 1)) for rank, some in enumerate(pieces)]


@dataclass
class SmallEngine(ReverseEngine):
    """An engine that runs out of memory above a number of padded tokens."""

    room: int = 50
    refused: int = 0

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        if len(queries) * (max(len(query.pieces) for query in queries) + 1) > self.room:
            self.refused += 1
            raise BusyError("no room", "give more")
        return super().search(queries, options)


@dataclass
class Recorder:
    """Progress that records its calls."""

    advanced: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    totals: list[int | None] = field(default_factory=list)

    def start(self, what: str, total: int | None = None, unit: str = "lines") -> None:
        self.totals.append(total)

    def advance(self, count: int = 1) -> None:
        self.advanced += count

    def note(self, line: str) -> None:
        self.notes.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)

    def finish(self) -> None:
        pass
