"""First pass over the text: a verdict on every pair and a sample to learn the vocabulary from.

Pairs over the length limit are found later, by the tokenizer. Keeps nine bytes for each pair, and the sample; never the
whole text. Knows corpora and rules; no pieces.
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

# A tokenizer learns nothing new from more text, which would take too much memory on a laptop.
SAMPLE_PAIRS = 500_000
SAMPLE_CHARACTERS = 1 << 27
# A side with more characters than this times the length limit, which is in pieces, is surely too long: none of 251,000
# real pairs that were kept, in six languages, had so many. The vocabulary is not learnt from such pairs.
CHARACTERS_PER_PIECE = 5


@dataclass(frozen=True)
class CorpusReport:
    """Counts of one corpus: ``pairs`` = ``kept`` + the sum of ``dropped``, by rule. A test corpus drops no pair."""

    role: str
    path: str
    pairs: int
    kept: int
    dropped: dict[str, int]
    weight: float = 1.0  # how often an epoch sees each pair


@dataclass
class Scanned:
    """A corpus in its role (train, valid or test) with a verdict on each pair."""

    role: str
    corpus: Corpus
    verdicts: Verdicts

    @property
    def kept(self) -> int:
        """Number of kept pairs."""
        return int(np.count_nonzero(self.verdicts == Verdict.KEPT))

    def report(self) -> CorpusReport:
        """Count the verdicts."""
        dropped = cleaning.count_rules(self.verdicts)
        return CorpusReport(self.role, self.corpus.name, len(self.verdicts), self.kept, dropped, self.corpus.weight)


class Sample:
    """Every n-th pair of a stream, where n is the smallest power of two that keeps the sample within its limits.

    The limits are ``pairs`` and ``characters``. Pairs with a side of over ``longest`` characters are left out.
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
        """Sample from the next pairs of the stream."""
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
        """The sampled pairs that were kept; ``verdicts`` are those of the whole stream, in parts."""
        stream = np.concatenate(verdicts)
        return [pair for row, pair in self._rows if stream[row] == Verdict.KEPT]


def scan(
    corpora: Sequence[tuple[str, Corpus]],
    languages: tuple[str, str],
    options: PrepareOptions,
    sample: Sample,
    progress: Progress,
) -> list[Scanned]:
    """Judge the pairs of every corpus, given with its role, and add the training pairs to ``sample``.

    Returns the corpora in the same order. Raises what ``read_pairs`` raises, and DataError when no pair is left.
    """
    progress.start("cleaning", total=count_lines(corpus.files[0] for _, corpus in corpora), unit="pairs")
    leaks = Leaks()
    judged = {}
    # Test corpora first, because their sources are searched for in training.
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
    role: str, corpus: Corpus, sides: Sides, leaks: Leaks, options: PrepareOptions, sample: Sample, progress: Progress
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
            leaks.add_train(chunk, chunk_hashes)
        elif role == "test":
            sources.append(hash_sources(chunk))
        decomposed += sum(not is_composed(text) for pair in chunk for text in pair)
        progress.advance(len(chunk))
    if decomposed:
        progress.warn(f"{corpus.path}: {say_decomposed(decomposed)}")
    sides.warn(corpus.name, progress)
    together = np.concatenate(hashes)
    if role == "test":
        leaks.add_test(corpus.name, np.concatenate(sources), together)
    return np.concatenate(verdicts), together


def _judge_together(scanned: Sequence[Scanned], hashes: Sequence[Hashes], options: PrepareOptions) -> None:
    """Apply the rules that compare pairs of all corpora: pairs also in valid or test, and repeated pairs."""
    train = [entry for entry in scanned if entry.role == "train"]
    verdicts = np.concatenate([entry.verdicts for entry in train])
    train_hashes = np.concatenate([part for entry, part in zip(scanned, hashes, strict=True) if entry.role == "train"])
    for role, verdict in (("test", Verdict.IN_TEST), ("valid", Verdict.IN_VALID)):
        for entry, held_out in zip(scanned, hashes, strict=True):
            if entry.role == role:
                cleaning.drop_held_out(verdicts, train_hashes, held_out, verdict)
    cleaning.drop_duplicates(verdicts, train_hashes)
    if not any(entry.role == "valid" for entry in scanned):
        cleaning.hold_out(verdicts, options.seed)
    ends = np.cumsum([len(entry.verdicts) for entry in train])
    for entry, part in zip(train, np.split(verdicts, ends[:-1]), strict=True):
        entry.verdicts = part
    for entry in scanned:
        # A person chose the pairs of valid and test. From valid only empty pairs are dropped, which cannot be scored;
        # from test none.
        if entry.role == "valid":
            entry.verdicts[entry.verdicts != Verdict.EMPTY] = Verdict.KEPT
        elif entry.role == "test":
            entry.verdicts[:] = Verdict.KEPT


def refuse_nothing_left(scanned: Sequence[Scanned]) -> None:
    """Raise DataError, with the counts by rule, when no training pair is left, or no pair of a given validation set."""
    for role in ("train", "valid"):
        corpora = [entry for entry in scanned if entry.role == role]
        if corpora and not any(entry.kept for entry in corpora):
            paths = ", ".join(str(entry.corpus.path) for entry in corpora)
            dropped = cleaning.count_rules(np.concatenate([entry.verdicts for entry in corpora]))
            reasons = ", ".join(f"{rule} {count:,}" for rule, count in dropped.items())
            raise DataError(
                f"no pair of {paths} is left, from {corpora[0].corpus.files[0]} line 1 on (dropped: {reasons})",
                "give sentence pairs that the cleaning rules keep",
            )
