"""The first pass over the text: a verdict on every pair, but for those that only a tokenizer can tell, and a sample.

Holds nine bytes a pair and the sample, never the text. Knows corpora and rules; no pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nmt.config import PrepareOptions
from nmt.corpus import cleaning
from nmt.corpus.cleaning import Hashes, Verdict, Verdicts
from nmt.corpus.doubts import Leaks, Sides, hash_sources
from nmt.corpus.parallel import Corpus, Pair, read_chunks
from nmt.disk.files import count_lines
from nmt.errors import DataError
from nmt.text.ahead import ahead
from nmt.text.normal import is_composed, say_decomposed
from nmt.text.progress import Progress

# More text than this teaches a tokenizer nothing new, and would take the memory of a laptop.
SAMPLE_PAIRS = 500_000
SAMPLE_CHARACTERS = 1 << 27
# Of a side with more characters for each piece that it may have, it is plain before a vocabulary is there that it is
# too long: of 251,000 real pairs in six languages, none that was kept had so many. A vocabulary is not learnt from it.
CHARACTERS_A_PIECE = 5


@dataclass(frozen=True)
class CorpusReport:
    """What became of one corpus: ``pairs`` = ``kept`` + the sum of ``dropped`` by rule. A test corpus is only read."""

    role: str
    path: str
    pairs: int
    kept: int
    dropped: dict[str, int]
    weight: float = 1.0  # how often training sees each pair in a pass


@dataclass
class Scanned:
    """A corpus in its role (train, valid or test) with a verdict on each pair."""

    role: str
    corpus: Corpus
    verdicts: Verdicts

    @property
    def kept(self) -> int:
        return int(np.count_nonzero(self.verdicts == Verdict.KEPT))

    def report(self) -> CorpusReport:
        dropped = cleaning.count_rules(self.verdicts)
        return CorpusReport(self.role, self.corpus.name, len(self.verdicts), self.kept, dropped, self.corpus.weight)


class Sample:
    """Every n-th pair of a stream, n being the smallest power of two that keeps them within the limits.

    Pairs with a side of over ``longest`` characters are left out; any other one is within the limits by itself.
    """

    def __init__(self, longest: int, pairs: int = SAMPLE_PAIRS, characters: int = SAMPLE_CHARACTERS) -> None:
        self._longest = longest
        self._most_pairs = pairs
        self._most_characters = characters
        self._stride = 1
        self._seen = 0
        self._rows: list[tuple[int, Pair]] = []
        self._characters = 0

    def add(self, pairs: Sequence[Pair]) -> None:
        for row, pair in enumerate(pairs, start=self._seen):
            if row % self._stride == 0 and max(map(len, pair)) <= self._longest:
                self._rows.append((row, pair))
                self._characters += sum(map(len, pair))
                while len(self._rows) > self._most_pairs or self._characters > self._most_characters:
                    self._halve()
        self._seen += len(pairs)

    def _halve(self) -> None:
        self._stride *= 2
        self._rows = [(row, pair) for row, pair in self._rows if row % self._stride == 0]
        self._characters = sum(len(text) for _, pair in self._rows for text in pair)

    def kept(self, verdicts: Sequence[Verdicts]) -> list[Pair]:
        """The kept pairs in it; ``verdicts`` are on the stream, part by part."""
        stream = np.concatenate(verdicts)
        return [pair for row, pair in self._rows if stream[row] == Verdict.KEPT]


def scan(
    corpora: Sequence[tuple[str, Corpus]],
    languages: tuple[str, str],
    options: PrepareOptions,
    sample: Sample,
    progress: Progress,
) -> list[Scanned]:
    """Judge every corpus, given with its role, in order; the sample gathers training pairs.

    Raises what ``read_pairs`` raises, and DataError when no training pair is left.
    """
    progress.start("cleaning", total=count_lines(corpus.files[0] for _, corpus in corpora), unit="pairs")
    leaks = Leaks()
    judged = {}
    # Test corpora first: their sources are looked for in training.
    for number in sorted(range(len(corpora)), key=lambda number: corpora[number][0] != "test"):
        role, corpus = corpora[number]
        judged[number] = _judge(role, corpus, Sides(languages), leaks, options, sample, progress)
    scanned = [Scanned(role, corpus, judged[number][0]) for number, (role, corpus) in enumerate(corpora)]
    _judge_together(scanned, [judged[number][1] for number in range(len(corpora))], options)
    leaks.warn(progress)
    progress.finish()
    refuse_nothing_left(scanned)
    return scanned


def _judge(
    role: str,
    corpus: Corpus,
    sides: Sides,
    leaks: Leaks,
    options: PrepareOptions,
    sample: Sample,
    progress: Progress,
) -> tuple[Verdicts, Hashes]:
    verdicts, hashes, sources = [], [], []
    decomposed = 0
    for chunk in ahead(read_chunks(corpus)):
        chunk_verdicts, chunk_hashes = cleaning.judge(chunk, options.max_ratio)
        verdicts.append(chunk_verdicts)
        hashes.append(chunk_hashes)
        sides.add(chunk)
        if role == "train":
            sample.add(chunk)
            leaks.look(chunk, chunk_hashes)
        elif role == "test":
            sources.append(hash_sources(chunk))
        decomposed += sum(not is_composed(text) for pair in chunk for text in pair)
        progress.advance(len(chunk))
    if decomposed:
        progress.warn(f"{corpus.path}: {say_decomposed(decomposed)}")
    sides.warn(corpus.name, progress)
    together = np.concatenate(hashes)
    if role == "test":
        leaks.hold(corpus.name, np.concatenate(sources), together)
    return np.concatenate(verdicts), together


def _judge_together(scanned: Sequence[Scanned], hashes: Sequence[Hashes], options: PrepareOptions) -> None:
    """The rules that look at all corpora at once: pairs that stand in valid or test, and pairs that repeat."""
    train = [one for one in scanned if one.role == "train"]
    verdicts = np.concatenate([one.verdicts for one in train])
    train_hashes = np.concatenate([part for one, part in zip(scanned, hashes, strict=True) if one.role == "train"])
    for role, verdict in (("test", Verdict.IN_TEST), ("valid", Verdict.IN_VALID)):
        for one, held_out in zip(scanned, hashes, strict=True):
            if one.role == role:
                cleaning.drop_held_out(verdicts, train_hashes, held_out, verdict)
    cleaning.drop_duplicates(verdicts, train_hashes)
    if not any(one.role == "valid" for one in scanned):
        cleaning.hold_out(verdicts, options.seed)
    ends = np.cumsum([len(one.verdicts) for one in train])
    for one, part in zip(train, np.split(verdicts, ends[:-1]), strict=True):
        one.verdicts = part
    for one in scanned:
        # What stands in valid or test, a person chose: of it only goes what cannot be scored, and from test nothing.
        if one.role == "valid":
            one.verdicts[one.verdicts != Verdict.EMPTY] = Verdict.KEPT
        elif one.role == "test":
            one.verdicts[:] = Verdict.KEPT


def refuse_nothing_left(scanned: Sequence[Scanned]) -> None:
    """Raise DataError, with the counts by rule, when no pair to train on is left, or none of a validation set."""
    for role in ("train", "valid"):
        corpora = [one for one in scanned if one.role == role]
        if corpora and not any(one.kept for one in corpora):
            paths = ", ".join(str(one.corpus.path) for one in corpora)
            dropped = cleaning.count_rules(np.concatenate([one.verdicts for one in corpora]))
            reasons = ", ".join(f"{rule} {count:,}" for rule, count in dropped.items())
            raise DataError(
                f"no pair of {paths} is left, from {corpora[0].corpus.files[0]} line 1 on (dropped: {reasons})",
                "give sentence pairs that the rules of cleaning keep",
            )
