"""First pass over the text: a sample of the training pairs, the pairs of test and validation sets, and doubts.

The rules of cleaning learn from the sample, and so does the vocabulary. Keeps the sample and the held-out pairs, never
the whole text. Knows corpora; no rules and no pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nmt.corpus.doubts import Sides
from nmt.corpus.parallel import Corpus, Pair, count_pairs, mend_pairs, read_chunks
from nmt.corpus.verdicts import KEPT, Verdicts
from nmt.text.ahead import ahead
from nmt.text.normal import is_composed, say_decomposed
from nmt.text.progress import Progress

# A side with more characters than this times the length limit, which is in pieces, is surely too long: none of 251,000
# real pairs that were kept, in six languages, had so many. The vocabulary is not learnt from such pairs.
CHARACTERS_PER_PIECE = 5
# A tokenizer learns nothing new from more text, which would take too much memory on a laptop.
SAMPLE_PAIRS = 500_000
SAMPLE_CHARACTERS = 36_000_000  # learning takes 28 bytes of memory for each


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

    @property
    def pairs(self) -> list[Pair]:
        """The sampled pairs."""
        return [pair for _, pair in self._rows]

    def kept(self, verdicts: Verdicts) -> list[Pair]:
        """The sampled pairs that were kept; ``verdicts`` are those of the whole stream."""
        return [pair for row, pair in self._rows if verdicts[row] == KEPT]


@dataclass
class Survey:
    """What the first pass found: the sample, and the pairs of each held-out role ("test", "valid")."""

    sample: Sample
    held_out: dict[str, list[Pair]] = field(default_factory=lambda: {"test": [], "valid": []})
    pairs: list[int] = field(default_factory=list)  # of each corpus


def survey(
    corpora: Sequence[tuple[str, Corpus]],
    languages: tuple[str, str],
    max_length: int,
    progress: Progress,
    parts: int = 1,
) -> Survey:
    """Read every corpus, given with its role, and warn of what looks wrong. Raises what ``read_pairs`` raises.

    ``max_length`` is the length limit of a side, in pieces. The sample is one of ``parts`` that fit the memory.
    """
    totals = [count_pairs(corpus) for _, corpus in corpora]
    known = [total for total in totals if total is not None]
    progress.start("reading", total=sum(known) if len(known) == len(totals) else None, unit="pairs")
    result = Survey(Sample(CHARACTERS_PER_PIECE * max_length, SAMPLE_PAIRS // parts, SAMPLE_CHARACTERS // parts))
    for role, corpus in corpora:
        sides, decomposed, pairs, mended = Sides(languages), 0, 0, 0
        for chunk in ahead(read_chunks(replace(corpus, mended=False))):
            if corpus.mended:
                damaged, chunk = chunk, mend_pairs(chunk)
                mended += sum(damaged[row] != pair for row, pair in enumerate(chunk))
            sides.add(chunk)
            if role == "train":
                result.sample.add(chunk)
            else:
                result.held_out[role].extend(chunk)
            decomposed += sum(not is_composed(text) for pair in chunk for text in pair)
            pairs += len(chunk)
            progress.advance(len(chunk))
        if mended:
            progress.note(f"{corpus.path}: {mended:,} pairs were mended")
        if decomposed:
            progress.warn(f"{corpus.path}: {say_decomposed(decomposed)}")
        sides.warn(corpus.name, progress)
        result.pairs.append(pairs)
    progress.finish()
    return result
