"""What of test sets a training text has: words, and whole lines. Knows lines and corpora; no score."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nmt.corpus.parallel import Corpus, read_pairs
from nmt.text.progress import Progress
from nmt.text.words import bare, words


@dataclass(frozen=True)
class Seen:
    """The part of the test sets that the training text has; words as ``nmt.text.words`` cuts them, lines bare."""

    source_words: frozenset[str]
    target_words: frozenset[str]
    sources: frozenset[str]
    targets: frozenset[str]
    pairs: frozenset[tuple[str, str]]

    def leaks(self, sources: Sequence[str] | None, targets: Sequence[str]) -> tuple[int, int, int]:
        """How many lines of a set have their source, their target and both together in the training text."""
        target_keys = [bare(line) for line in targets]
        source_keys = [bare(line) for line in sources] if sources is not None else []
        pairs = zip(source_keys, target_keys, strict=False)
        return (
            sum(key in self.sources for key in source_keys if key),
            sum(key in self.targets for key in target_keys if key),
            sum(pair in self.pairs for pair in pairs if all(pair)),
        )


def look_up(corpora: Iterable[Corpus], sources: Sequence[str], targets: Sequence[str], progress: Progress) -> Seen:
    """What the training corpora have of test lines. Memory grows with those, not with the corpora.

    Raises DataError for a broken corpus.
    """
    wanted = [{word for line in lines for word in words(line)} for lines in (sources, targets)]
    keys = [{key for line in lines if (key := bare(line))} for lines in (sources, targets)]
    seen_words: tuple[set[str], set[str]] = (set(), set())
    seen_lines: tuple[set[str], set[str]] = (set(), set())
    pairs: set[tuple[str, str]] = set()
    for corpus in corpora:
        progress.start(f"reading {corpus.path.name}")
        for pair in read_pairs(corpus):
            found = [bare(line) for line in pair]
            for side, line in enumerate(pair):
                seen_words[side].update(wanted[side].intersection(words(line)))
                if found[side] in keys[side]:
                    seen_lines[side].add(found[side])
            if found[0] in keys[0] and found[1] in keys[1]:
                pairs.add((found[0], found[1]))
            progress.advance()
        progress.finish()
    (source_words, target_words), (source_lines, target_lines) = (
        [*map(frozenset, side)] for side in (seen_words, seen_lines)
    )
    return Seen(source_words, target_words, source_lines, target_lines, frozenset(pairs))
